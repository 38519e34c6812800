// From a drawing to a digit, in plain JavaScript: what mnist_tutorial does in Python, line by line.
// An image is { width, height, values }, its grey levels row by row, 0 = background, 255 = ink.

/** Run a network, layer by layer, on an image that is already normalised; give its scores. */
function runNetwork(layers, image) {
  let maps = [image];
  for (const layer of layers) maps = LAYERS[layer.kind](maps, layer);
  return Array.from(maps[0].values);
}

const LAYERS = {
  /** Each new map: slide a filter over all the maps and add up. */
  convolution(maps, { shape: [, , side], stride, weights, bias }) {
    const { width, height } = maps[0];
    const columns = Math.floor((width - side) / stride) + 1, rows = Math.floor((height - side) / stride) + 1;
    let next = 0; // weight: filter by filter, map by map, row by row
    return bias.map((start) => {
      const values = new Float32Array(rows * columns).fill(start);
      for (const { values: pixels } of maps) for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) {
        const weight = weights[next++];
        for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
          values[y * columns + x] += weight * pixels[(y * stride + i) * width + x * stride + j];
        }
      }
      return { width: columns, height: rows, values };
    });
  },

  relu: (maps) => maps.map((map) => ({ ...map, values: map.values.map((value) => Math.max(0, value)) })),

  /** Keep the largest of each 2x2. */
  pool: (maps) => maps.map(({ width, height, values }) => {
    const columns = width >> 1, rows = height >> 1;
    const largest = Float32Array.from({ length: rows * columns }, (_, i) => {
      const at = 2 * Math.floor(i / columns) * width + 2 * (i % columns);
      return Math.max(values[at], values[at + 1], values[at + width], values[at + width + 1]);
    });
    return { width: columns, height: rows, values: largest };
  }),

  /** Weigh all numbers against each other; maps are laid out one after the other. */
  linear(maps, { weights, bias }) {
    const inputs = Float32Array.from(maps.flatMap((map) => Array.from(map.values)));
    const values = Float32Array.from(bias);
    for (let number = 0; number < bias.length; number++) for (let i = 0; i < inputs.length; i++) {
      values[number] += inputs[i] * weights[number * inputs.length + i];
    }
    return [{ width: bias.length, height: 1, values }];
  },
};

function softmax(scores) {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Unpack the weights of a network's layers: deflated, in base64, whole numbers times a row's scale. */
async function unpack(layers) {
  const unpacked = async ({ packed, scales, ...layer }) => {
    if (!packed) return layer;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(inflated).arrayBuffer();
    if (!scales) return { ...layer, weights: new Float32Array(buffer) };
    const levels = new Int8Array(buffer), row = levels.length / scales.length;
    return { ...layer, weights: Float32Array.from(levels, (level, i) => level * scales[Math.floor(i / row)]) };
  };
  return Promise.all(layers.map(unpacked));
}

// --- preparation: crop, 20 pixels, strokes as thick as MNIST's, the center of mass in the middle ---

const SIZE = 28, DIGIT_SIDE = 20, FINE = 4;
const MEAN = 0.1307, STD = 0.3081, MIN_STROKE = 2.6, MAX_STROKE = 4, STROKE_LEVEL = 100;
const FAINT = 16; // grey levels of ink that are none: the soft edge of a stroke

/** Round as Python does: halves to the even number. */
function round(x) {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 ? up - 1 : up;
}

/** Bring ink of any size to 28x28, as fit_to_mnist does; null if there is none. */
function prepareInk(ink) {
  const box = inkBox(ink, FAINT);
  if (!box) return null;
  const digit = scaleToBox(crop(ink, box));
  let mass = 0, massX = 0, massY = 0;
  digit.values.forEach((value, i) => {
    mass += value;
    massX += value * (i % digit.width);
    massY += value * Math.floor(i / digit.width);
  });
  const place = (middle, side) => Math.min(Math.max(round(SIZE / 2 - middle), 0), SIZE - side);
  const left = place(massX / mass, digit.width), top = place(massY / mass, digit.height);
  const values = new Uint8Array(SIZE * SIZE);
  digit.values.forEach((value, i) => {
    values[(top + Math.floor(i / digit.width)) * SIZE + left + i % digit.width] = value;
  });
  return { width: SIZE, height: SIZE, values };
}

function scaleToBox(ink) {
  if (Math.max(ink.width, ink.height) === DIGIT_SIDE) return ink;
  const fine = adaptStrokes(pad(resize(ink, FINE * DIGIT_SIDE), 2 * FINE));
  const digit = resize(crop(fine, inkBox(fine, Math.max(...fine.values) / 4)), DIGIT_SIDE);
  const largest = Math.max(...digit.values);
  return { ...digit, values: digit.values.map((value) => round(value * 255 / largest)) };
}

/** Find the box around all that is above a level: { left, top, width, height }, or null. */
function inkBox({ width, height, values }, level) {
  let left = width, top = height, right = -1, bottom = -1;
  values.forEach((value, i) => {
    if (value <= level) return;
    const x = i % width, y = Math.floor(i / width);
    left = Math.min(left, x), right = Math.max(right, x), top = Math.min(top, y), bottom = Math.max(bottom, y);
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function crop(image, { left, top, width, height }) {
  const values = Uint8Array.from({ length: width * height }, (_, i) =>
    image.values[(top + Math.floor(i / width)) * image.width + left + i % width]);
  return { width, height, values };
}

function pad({ width, height, values }, border) {
  const wide = width + 2 * border, padded = new Uint8Array(wide * (height + 2 * border));
  values.forEach((value, i) => { padded[(border + Math.floor(i / width)) * wide + border + i % width] = value; });
  return { width: wide, height: height + 2 * border, values: padded };
}

/** Bring the longest side to that many pixels. */
function resize(image, longest) {
  const scale = longest / Math.max(image.width, image.height);
  const width = Math.max(1, round(image.width * scale)), height = Math.max(1, round(image.height * scale));
  const across = shares(image.width, width), down = shares(image.height, height);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let sum = 0;
    for (const [row, much] of down[y]) for (const [column, share] of across[x]) {
      sum += much * share * image.values[row * image.width + column];
    }
    values[y * width + x] = Math.min(255, Math.max(0, round(sum)));
  }
  return { width, height, values };
}

/** Of each new pixel: the old ones in it with their shares, or, where it grows, a cubic curve's. */
function shares(from, to) {
  const step = from / to;
  const cubic = (x) => (x <= 1 ? 1.25 * x ** 3 - 2.25 * x ** 2 + 1 : -0.75 * (x ** 3 - 5 * x ** 2 + 8 * x - 4));
  return Array.from({ length: to }, (_, i) => {
    if (step > 1) {
      const start = i * step, end = Math.min(from, start + step), first = Math.floor(start);
      return Array.from({ length: Math.ceil(end) - first }, (_, j) =>
        [first + j, (Math.min(end, first + j + 1) - Math.max(start, first + j)) / step]);
    }
    const middle = (i + 0.5) * step - 0.5, first = Math.floor(middle) - 1;
    return [0, 1, 2, 3].map((j) =>
      [Math.min(from - 1, Math.max(0, first + j)), cubic(Math.abs(middle - first - j))]);
  });
}

/** Thicken thin strokes and thin very thick ones. */
function adaptStrokes(fine) {
  const depths = distances(fine).filter((depth) => depth > 0);
  if (!depths.length) return fine;
  const width = 4 * depths.reduce((a, b) => a + b) / depths.length / FINE;
  const change = width < MIN_STROKE ? MIN_STROKE - width : Math.min(0, MAX_STROKE - width);
  const reach = Math.abs(round(change * FINE / 2));
  const choose = change > 0 ? Math.max : Math.min;
  const values = fine.values.map((value, i) => {
    const x = i % fine.width, y = Math.floor(i / fine.width);
    for (let dy = -reach; dy <= reach; dy++) {
      const half = reach && round(reach * Math.sqrt((reach ** 2 - dy ** 2) / reach ** 2));
      for (let dx = -half; dx <= half; dx++) {
        if (x + dx < 0 || x + dx >= fine.width || y + dy < 0 || y + dy >= fine.height) continue;
        value = choose(value, fine.values[(y + dy) * fine.width + x + dx]);
      }
    }
    return value;
  });
  return { ...fine, values };
}

/** How deep inside the ink is each pixel: two passes, steps aside and diagonal (Borgefors, 1986). */
function distances({ width, height, values }) {
  const aside = 0.955, diagonal = 1.3693;
  const depth = Array.from(values, (value) => (value > STROKE_LEVEL ? Infinity : 0));
  const look = (i, way) => {
    const near = [[way, aside], [way * width, aside], [way * (width + 1), diagonal], [way * (width - 1), diagonal]];
    for (const [step, far] of near) depth[i] = Math.min(depth[i], (depth[i + step] ?? Infinity) + far);
  };
  for (let i = 0; i < depth.length; i++) look(i, -1);
  for (let i = depth.length - 1; i >= 0; i--) look(i, 1);
  return depth;
}

// --- the answer ------------------------------------------------------------------------------------

/** Read ink: the 28x28, ten probabilities, the digit, and whether it is sure; null without ink. */
function readInk(ink, [network, guard], sure) {
  const picture = prepareInk(ink);
  if (!picture) return null;
  const image = { ...picture, values: Float32Array.from(picture.values, (value) => (value / 255 - MEAN) / STD) };
  const isDigit = 1 - softmax(runNetwork(guard, image))[10];
  const probabilities = softmax(runNetwork(network, image)).map((share) => isDigit * share + (1 - isDigit) / 10);
  const confidence = Math.max(...probabilities), digit = probabilities.indexOf(confidence);
  return { picture, probabilities, digit, confidence, sure: confidence >= sure };
}
