// What the two widgets share: each widget's script is this text followed by its own.

/** Make an element: its properties, its attributes (after "@"), its children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("@")) element.setAttribute(name.slice(1), value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Make the widget's outermost element; keys pressed inside are not the notebook's. */
function makeRoot(el, ...children) {
  const root = make("div", { className: "mnist", "@data-lm-suppress-shortcuts": "true" }, ...children);
  el.replaceChildren(root);
  return root;
}

/** Write a text only where it is another: a screen reader reads out each change. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Encode a canvas; resolves to an ArrayBuffer. */
async function encode(canvas, type, quality) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, quality));
  return blob.arrayBuffer();
}

/** Call `gone` when the kernel is restarted or the widget closed: nobody is left to answer. */
function onKernelGone(model, gone) {
  model.on("comm_live_update", gone);
  model.on("comm:close", gone);
}

const KERNEL_GONE = "The kernel that answers has gone. Run the cell again.";

/** Make the line that saves a picture with its label; `picture` resolves to its bytes, or to null. */
function makeSaveLine(model, nothing, picture) {
  const input = make("input", {
    type: "text", size: 10, placeholder: "e.g. 7", autocomplete: "off", spellcheck: false, "@inputmode": "numeric",
  });
  const said = make("output", { className: "mnist-said" });
  const label = make("label", {}, "What is it? ", input);
  const wanted = make("strong", { "@role": "status" });
  const save = make("button", { type: "submit", textContent: "Save" });
  const form = make("form", { className: "mnist-line" }, label, wanted, save, said);
  const say = (text, failed) => {
    said.textContent = text;
    said.classList.toggle("mnist-failed", failed);
  };
  let sent = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value; // of this moment, as the picture
    const bytes = await picture();
    if (!bytes) return say(nothing, true);
    if (save.disabled) return; // twice the same drawing
    save.disabled = true;
    sent = text;
    model.send({ save: text }, undefined, [bytes]);
  });
  /** Ask for the next digit, if the widget asks at all. */
  function ask() {
    const { digit, saved, of } = model.get("asks") ?? {};
    if (!of) return;
    label.hidden = true;
    save.hidden = digit === undefined;
    input.value = digit ?? "";
    write(wanted, digit === undefined ? `All ${of} are saved.` : `Write a ${digit} (${saved + 1} of ${of})`);
  }
  model.on("change:asks", ask);
  ask();
  input.addEventListener("keydown", (event) => { // left alone, it does not arrive inside a notebook
    if (event.key !== "Enter") return;
    event.preventDefault();
    form.requestSubmit();
  });
  model.on("msg:custom", (message) => {
    save.disabled = false;
    if ("saved" in message) {
      say(message.saved, false);
      if (input.value === sent) input.value = ""; // it is not the next picture's
      ask();
    }
    if ("not_saved" in message) say(message.not_saved, true);
  });
  model.on("change:drawing", () => say("", false)); // it was about another one
  return form;
}

