// A photo of one digit becomes ink, as if it had been drawn: what is darker than the paper around it.

const PAPER = 10; // blocks along a side, in each of which the paper's light is measured
const REACH = 3; // pixels, at the most, between parts of one digit: chalk and dry pens leave gaps
const INK_SHARE = 0.003, FAINTEST = 0.15; // of the middle's pixels at least; of the paper's light

/** Find the ink of the digit in the middle of a square photo's grey levels; all 0 if there is none. */
function inkOfPhoto({ width: side, height, values }) {
  const offCentre = (i) => Math.hypot(i % side - side / 2, i / side - side / 2) / (side / 2);
  const isMiddle = (_, i) => offCentre(i) < 0.5;
  const middle = values.filter(isMiddle).sort();
  const isBoard = middle[middle.length >> 1] < 100; // and chalk is light on it
  const light = isBoard ? values.map((value) => 255 - value) : values;
  const smooth = (values) => resize(resize({ width: side, height, values }, PAPER), side).values;
  const grey = smooth(light);
  const paper = smooth(light.map((value, i) => Math.max(value, grey[i]))); // the ink left out
  const darkness = Float32Array.from(light, (value, i) => Math.max(0, 1 - value / paper[i]));
  const black = Math.max(FAINTEST, darkness.filter(isMiddle).sort().at(-Math.ceil(INK_SHARE * middle.length)));

  let best = { weight: 0, pixels: [] };
  const seen = darkness.map((value) => value < black / 2);
  for (let start = 0; start < seen.length; start++) {
    if (seen[start]) continue;
    const pixels = [start];
    seen[start] = 1;
    let weight = 0, whole = true; // what goes on beyond the photo is no digit: a shadow, a table
    for (const i of pixels) { // which grows meanwhile
      const x = i % side, y = Math.floor(i / side);
      weight += Math.max(0, 1 - offCentre(i));
      for (let v = y - REACH; v <= y + REACH; v++) for (let u = x - REACH; u <= x + REACH; u++) {
        if (u < 0 || v < 0 || u >= side || v >= height) whole = false;
        else if (!seen[v * side + u]) seen[v * side + u] = pixels.push(v * side + u);
      }
    }
    if (whole && weight > best.weight) best = { weight, pixels };
  }
  const ink = new Uint8Array(side * height);
  for (const i of best.pixels) ink[i] = 255 * Math.min(1, darkness[i] / black);
  return { width: side, height, values: ink };
}
