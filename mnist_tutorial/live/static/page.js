// The page of a network, without a server: pad.js draws and shows, and this stands where Python did.

const { name, sure, network, guard } = JSON.parse(document.getElementById("numbers").textContent);
const networks = Promise.all([unpack(network), unpack(guard)]);

/** Turn a drawing's PNG into ink: dark on white becomes 0 for the paper, 255 for black. */
async function inkOf(png) {
  const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
  const { width, height } = bitmap;
  const context = make("canvas", { width, height }).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, values: Uint8Array.from({ length: width * height }, (_, i) => 255 - data[4 * i]) };
}

/** Answer a drawing as the notebook's kernel would. */
async function answerDrawing(png) {
  const found = png.byteLength ? readInk(await inkOf(png), await networks, sure) : null;
  if (!found) return { words: "no digit" };
  const words = `${found.sure ? "" : "not sure, perhaps "}${found.digit}, confidence ${(100 * found.confidence).toFixed(1)}%`;
  return { ...found, picture: new DataView(found.picture.values.buffer), words, model: name };
}

const state = { side: 280, drawing: new DataView(new ArrayBuffer(0)), answer: { words: "no digit" }, saving: false };
const listeners = {};
const model = {
  get: (key) => state[key],
  set: (key, value) => { state[key] = value; },
  on: (event, listener) => { listeners[event] = listener; },
  async save_changes() {
    const drawing = state.drawing, answer = await answerDrawing(drawing);
    if (drawing !== state.drawing) return; // there is a newer one
    state.answer = answer;
    listeners["change:answer"]();
  },
};
render({ model, el: document.getElementById("pad") });
