// The page of a network, without a server: pad.js draws and shows, and this stands where Python did.

const { name, sure, network, guard } = JSON.parse(document.getElementById("numbers").textContent);
const networks = Promise.all([unpack(network), unpack(guard)]);
const SIDE = 280;

/** Read an image file's grey levels: of green light, in which ink of any colour is dark; of a photo's middle. */
async function readGrey(file) {
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height), left = (bitmap.width - side) / 2, top = (bitmap.height - side) / 2;
  const context = make("canvas", { width: SIDE, height: SIDE }).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return { width: SIDE, height: SIDE, values: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 1]) };
}

const inverted = (image) => ({ ...image, values: image.values.map((value) => 255 - value) });

/** Answer a drawing, dark on white, as the notebook's kernel would. */
async function answerDrawing(png) {
  const ink = png.byteLength && inverted(await readGrey(new Blob([png], { type: "image/png" })));
  const found = ink && readInk(ink, await networks, sure);
  if (!found) return { words: "no digit" };
  const words = `${found.sure ? "" : "not sure, perhaps "}${found.digit}, confidence ${(100 * found.confidence).toFixed(1)}%`;
  return { ...found, picture: new DataView(found.picture.values.buffer), words, model: name };
}

const state = { side: SIDE, drawing: new DataView(new ArrayBuffer(0)), answer: { words: "no digit" }, saving: false };
const listeners = {};
function show(answer) {
  state.answer = answer;
  listeners["change:answer"]();
}
const model = {
  get: (key) => state[key],
  set: (key, value) => { state[key] = value; },
  on: (event, listener) => { listeners[event] = listener; },
  async save_changes() {
    const drawing = state.drawing, answer = await answerDrawing(drawing);
    if (drawing === state.drawing) show(answer); // otherwise there is a newer one
  },
};
render({ model, el: document.getElementById("pad") });

/** Put the ink of a photo on the pad. */
async function takePhoto({ target }) {
  try {
    const { values } = inverted(inkOfPhoto(await readGrey(target.files[0])));
    const canvas = make("canvas", { width: SIDE, height: SIDE });
    const pixels = new ImageData(Uint8ClampedArray.from({ length: 4 * SIDE * SIDE },
      (_, i) => (i % 4 === 3 ? 255 : values[i >> 2])), SIDE, SIDE);
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    state.drawing = new DataView(await encode(canvas, "image/png"));
    listeners["change:drawing"]();
    await model.save_changes();
  } catch (error) {
    show({ error: `This photo cannot be read: ${error.message}` });
  }
  target.value = ""; // so that the next one may be the same
}

const photo = make("input", { type: "file", accept: "image/*", hidden: true, "@capture": "environment" });
photo.addEventListener("change", takePhoto);
const button = make("button", { type: "button", textContent: "Photo" });
button.addEventListener("click", () => photo.click());
document.querySelector(".mnist-line button:last-of-type").after(button, photo);
