// The drawing pad: strokes go to Python as one PNG, the answer comes back while you draw.

const PAUSE = 50; // milliseconds between two pictures sent

/** Make the ten bars; gives their element and the function that sets them. */
function makeBars() {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const bar = make("div", { className: "mnist-bar" });
    const share = make("span", { className: "mnist-share" });
    const row = make("div", { className: "mnist-row", "@aria-hidden": "true" },
      make("span", { textContent: digit }), make("div", { className: "mnist-track" }, bar), share);
    return { row, bar, share };
  });
  const element = make("div", { className: "mnist-bars", "@role": "img" }, ...rows.map(({ row }) => row));
  const set = (probabilities, winner) => {
    rows.forEach(({ row, bar, share }, digit) => {
      const percent = 100 * (probabilities?.[digit] ?? 0);
      bar.style.width = `${percent}%`;
      row.classList.toggle("mnist-winner", digit === winner);
      share.textContent = probabilities ? `${percent.toFixed(0)} %` : "";
    });
    const words = probabilities?.map((share, digit) => `${digit}: ${(100 * share).toFixed(0)} %`).join(", ");
    element.setAttribute("aria-label", `Probabilities: ${words ?? "none yet"}`);
  };
  return { element, set };
}

/** Show the 28x28 grey levels that the network saw. */
function showSeen(canvas, bytes) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    const grey = bytes ? bytes.getUint8(i) : 0;
    pixels.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
}

/** The sheet: keeps the strokes, so that they can be undone, and draws them black on white. */
class Sheet {
  constructor(side) {
    this.canvas = make("canvas", {
      className: "mnist-sheet", width: side, height: side, "@role": "img",
      "@aria-label": "Drawing pad: draw a digit with mouse, pen or finger",
    });
    this.context = this.canvas.getContext("2d");
    this.clear();
  }

  get empty() {
    return !this.ground && this.strokes.length === 0;
  }

  get undoable() {
    return !this.empty || this.cleared !== null;
  }

  /** Begin anew, with nothing to undo. */
  clear(ground = null) {
    this.ground = ground; // a drawing whose strokes are not known: made before the page was loaded
    this.strokes = [];
    this.cleared = null; // what a learner wiped off
    this.redraw();
  }

  /** Wipe the drawing off; once all that is drawn later is undone, it can be brought back. */
  wipe() {
    const { ground, strokes, cleared } = this;
    this.clear();
    this.cleared = { ground, strokes, cleared };
  }

  undo() {
    if (this.strokes.length) this.strokes.pop();
    else if (this.ground) this.ground = null;
    else if (this.cleared) Object.assign(this, this.cleared);
    this.redraw();
  }

  begin(width) {
    this.strokes.push({ width, points: [] });
  }

  redraw() {
    this.context.fillStyle = "white";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.ground) this.context.drawImage(this.ground, 0, 0);
    for (const { width, points } of this.strokes) points.forEach((_, i) => this.segment(width, points, i));
  }

  add(event) {
    const { width, points } = this.strokes.at(-1);
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    const press = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    points.push({ x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale, press });
    this.segment(width, points, points.length - 1);
  }

  /** Draw what point `i` adds: a curve between the middles of the last two lines, which joins smoothly. */
  segment(width, points, i) {
    const [a, b, c] = [points[Math.max(0, i - 2)], points[Math.max(0, i - 1)], points[i]];
    const { context } = this;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = width * c.press;
    context.beginPath();
    context.moveTo((a.x + b.x) / 2, (a.y + b.y) / 2);
    context.quadraticCurveTo(b.x, b.y, (b.x + c.x) / 2, (b.y + c.y) / 2);
    context.lineTo(c.x, c.y);
    context.stroke();
  }
}

function render({ model, el }) {
  const sheet = new Sheet(model.get("side"));
  const undo = make("button", { type: "button", textContent: "Undo" });
  const clear = make("button", { type: "button", textContent: "Clear" });
  const brush = make("input", { type: "range", min: 8, max: 36, value: 18, "@aria-label": "Brush size" });
  const tools = make("div", { className: "mnist-line" }, undo, clear, make("label", {}, "Brush ", brush));

  const digit = make("div", { className: "mnist-digit", "@aria-hidden": "true" });
  const words = make("div", { className: "mnist-words", "@role": "status" });
  const seen = make("canvas", {
    className: "mnist-seen", width: 28, height: 28, "@role": "img", "@aria-label": "What the network sees",
  });
  const figure = make("figure", {}, seen, make("figcaption", { textContent: "what the network sees" }));
  const bars = makeBars();
  const weights = make("div", { className: "mnist-note" });
  const error = make("div", { className: "mnist-failed", "@role": "alert" });

  makeRoot(el,
    make("div", { className: "mnist-columns" },
      make("div", { className: "mnist-column" }, sheet.canvas, tools),
      make("div", { className: "mnist-column mnist-answer" },
        make("div", { className: "mnist-head" }, digit, figure), words, bars.element, weights)),
    error);

  function look() {
    undo.disabled = !sheet.undoable;
    clear.disabled = sheet.empty;
  }

  // One picture is on its way at a time, here and in Jupyter's own queue; the latest always arrives.
  let mine = null;
  let waiting = false;
  let sending = false;
  async function send() {
    look();
    waiting = true;
    if (sending) return;
    sending = true;
    while (waiting) {
      waiting = false;
      const drawing = new DataView(await picture() ?? new ArrayBuffer(0));
      if (!mine || drawing.byteLength || mine.byteLength) {
        mine = drawing;
        model.set("drawing", mine);
        model.save_changes();
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    sending = false;
  }

  async function picture() {
    return sheet.empty ? null : encode(sheet.canvas, "image/png");
  }

  /** Take over a drawing that came from elsewhere: from Python, from another view, from before a reload. */
  async function receive() {
    const drawing = model.get("drawing");
    if (drawing === mine) return;
    waiting = false;
    mine = drawing;
    const bytes = drawing?.byteLength ? new Blob([drawing], { type: "image/png" }) : null;
    try {
      const ground = bytes && await createImageBitmap(bytes);
      if (model.get("drawing") === drawing) sheet.clear(ground);
    } catch {
      sheet.clear(); // no picture; Python says so below
    }
    look();
  }

  function answer() {
    const now = model.get("answer");
    write(digit, now.digit === undefined ? "" : `${now.digit}`);
    digit.classList.toggle("mnist-unsure", now.sure === false);
    write(words, now.words ?? "");
    write(error, now.error ?? "");
    write(weights, now.model ? `answered by: ${now.model}` : "");
    showSeen(seen, now.picture);
    bars.set(now.probabilities, now.digit);
  }

  let pointer = null;
  sheet.canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault(); // no selecting of text beside the pad
    pointer = event.pointerId;
    sheet.canvas.setPointerCapture(pointer);
    sheet.begin(Number(brush.value));
    sheet.add(event);
    send();
  });
  sheet.canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) sheet.add(each);
    send();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    sheet.canvas.addEventListener(end, (event) => {
      if (event.pointerId === pointer) pointer = null;
    });
  }
  undo.addEventListener("click", () => { sheet.undo(); send(); });
  clear.addEventListener("click", () => { sheet.wipe(); send(); });

  if (model.get("saving")) tools.after(makeSaveLine(model, "Draw something first.", picture));
  model.on("change:drawing", receive);
  model.on("change:answer", answer);
  onKernelGone(model, () => write(error, KERNEL_GONE));
  receive();
  answer();
}

export default { render };
