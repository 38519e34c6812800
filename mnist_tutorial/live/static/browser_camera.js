// The browser's camera: one frame at a time goes to Python as a JPEG; boxes and digits come back.

const PATIENCE = 10_000; // milliseconds without an answer after which the kernel is given up
const WIDTH = 480; // pixels of the frames sent: enough to read, small enough to be quick
const QUALITY = 0.8;
const SURE_COLOUR = "#50e650";
const UNSURE_COLOUR = "#d2d2d2";

const REASONS = {
  insecure: "Browsers lend their camera to secure pages only. Open Jupyter at http://localhost:… " +
    "(on another machine: through an SSH tunnel) or at an https:// address.",
  NotAllowedError: "The camera is not allowed. Click the camera or padlock sign beside the page's address, " +
    "allow the camera, and press Start again.",
  NotFoundError: "No camera was found. Plug one in and press Start again.",
  NotReadableError: "The camera is busy: another program, perhaps a video call, uses it. " +
    "Close that program and press Start again.",
};
REASONS.SecurityError = REASONS.NotAllowedError;
REASONS.OverconstrainedError = REASONS.NotFoundError;
REASONS.AbortError = REASONS.NotReadableError;

function whyNot(error) {
  return REASONS[error.name] ?? `The camera cannot be used (${error.name}: ${error.message}).`;
}

/** Write outlined text, centred at x, no further out than the edge. */
function label(context, text, x, y, size, colour, width) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  const half = context.measureText(text).width / 2 + 3;
  const at = Math.min(Math.max(x, half), width - half);
  context.lineWidth = 4;
  context.strokeStyle = "black";
  context.strokeText(text, at, y);
  context.fillStyle = colour;
  context.fillText(text, at, y);
}

/** Draw the boxes over the video: above each its digit, and its confidence there or, where that is tight, below. */
function drawAnswer(canvas, video, digits, frame, mirror) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [video.clientWidth, video.clientHeight];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.textAlign = "center";
  context.lineJoin = "round";
  const reads = []; // on top of everything else
  for (const { digit, confidence, sure, box } of digits) {
    const [x, y, w, h] = box.map((side, i) => side * (i % 2 ? height / frame.height : width / frame.width));
    const left = mirror ? width - x - w : x;
    const middle = left + w / 2;
    const colour = sure ? SURE_COLOUR : UNSURE_COLOUR;
    for (const [ink, wide] of [["black", 4], [colour, 2]]) {
      context.strokeStyle = ink;
      context.lineWidth = wide;
      context.strokeRect(left, y, w, h);
    }
    const tight = w < 72;
    const percent = (100 * confidence).toFixed(0);
    if (tight) {
      const below = Math.min(y + h + 14, height - 4);
      label(context, w < 30 ? percent : `${percent} %`, middle, below, 10, colour, width);
    }
    const read = sure ? `${digit}` : `${digit}?`;
    reads.push([tight ? read : `${read}  ${percent} %`, middle, Math.max(y - 6, 18), 16, colour]);
  }
  for (const read of reads) label(context, ...read, width);
}

function render({ model, el }) {
  const video = make("video", { muted: true, playsInline: true, className: "mnist-video" });
  const overlay = make("canvas", { className: "mnist-overlay", "@aria-hidden": "true" });
  const blank = make("div", { className: "mnist-blank" });
  const stage = make("div", { className: "mnist-stage" }, video, overlay, blank);
  const button = make("button", { type: "button", textContent: "Start" });
  const several = make("input", { type: "checkbox", checked: model.get("several") });
  const rate = make("span", { className: "mnist-note mnist-rate" });
  const read = make("div", { className: "mnist-words", "@role": "status" });
  const weights = make("div", { className: "mnist-note" });
  const error = make("div", { className: "mnist-failed", "@role": "alert" });
  const tools = make("div", { className: "mnist-line" }, button, make("label", {}, several, " all digits"), rate);
  const said = make("div", { className: "mnist-line" }, read, error, weights);
  makeRoot(el, make("div", { className: "mnist-column mnist-camera" }, stage, tools, said));

  const shot = document.createElement("canvas");
  const id = Math.random(); // the model's other views hear our answers too
  let stream = null;
  let turn = 0; // of starting and stopping: what began in another turn is out of date
  let number = 0;
  let patience = null;
  let answered = []; // when the last answers came

  function look() {
    const on = stream !== null;
    button.textContent = on ? "Stop" : "Start";
    video.hidden = !on;
    blank.hidden = on;
    write(blank, button.disabled ? "Waiting for the camera …" : "The camera is off.");
    video.classList.toggle("mnist-mirror", model.get("mirror"));
    if (on) return;
    drawAnswer(overlay, video, [], shot, false);
    for (const element of [read, weights, rate]) write(element, "");
  }

  function stop(reason = "") {
    turn += 1;
    clearTimeout(patience);
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
    button.disabled = false;
    look();
    write(error, reason);
  }

  async function start() {
    stop();
    const mine = turn;
    if (!navigator.mediaDevices?.getUserMedia) return stop(REASONS.insecure);
    button.disabled = true;
    look();
    try {
      const facing = { ideal: "environment" }; // a phone's back looks at the paper
      const got = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: facing },
      });
      if (mine !== turn) return got.getTracks().forEach((track) => track.stop());
      stream = got;
      stream.getVideoTracks()[0].addEventListener("ended", () => {
        if (mine === turn) stop("The camera was unplugged or taken away. Press Start again.");
      });
      video.srcObject = stream;
      look();
      await video.play();
    } catch (reason) {
      if (mine === turn) stop(whyNot(reason));
      return;
    }
    if (mine !== turn) return;
    button.disabled = false;
    answered = [];
    send(mine);
  }

  function shoot(width) {
    shot.width = Math.min(width, video.videoWidth);
    shot.height = Math.round(shot.width * video.videoHeight / video.videoWidth);
    shot.getContext("2d").drawImage(video, 0, 0, shot.width, shot.height);
    return encode(shot, "image/jpeg", QUALITY);
  }

  async function send(mine) {
    const bytes = await shoot(WIDTH);
    if (mine !== turn) return;
    number += 1;
    model.send({ frame: `${id}-${number}` }, undefined, [bytes]);
    patience = setTimeout(() => stop("The kernel gave no answer for 10 seconds: it is busy with a cell, " +
      "or gone. Press Start again when it is idle."), PATIENCE);
  }

  function receive(answer) {
    if (stream === null || answer.frame !== `${id}-${number}`) return;
    clearTimeout(patience);
    drawAnswer(overlay, video, answer.digits, shot, model.get("mirror"));
    write(read, answer.words);
    write(weights, answer.model && `answered by: ${answer.model}`);
    write(error, answer.error);
    answered = [...answered.slice(-20), performance.now()];
    const seconds = (answered.at(-1) - answered[0]) / 1000;
    if (seconds) write(rate, `${((answered.length - 1) / seconds).toFixed(0)} frames per second`);
    const mine = turn;
    const next = () => mine === turn && send(mine);
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  }

  button.addEventListener("click", () => (stream ? stop() : start()));
  several.addEventListener("change", () => { model.set("several", several.checked); model.save_changes(); });
  model.on("change:several", () => { several.checked = model.get("several"); });
  model.on("change:mirror", look);
  model.on("msg:custom", (message) => {
    if ("frame" in message) receive(message);
    if ("stop" in message) stop();
  });
  onKernelGone(model, () => stop(KERNEL_GONE));
  if (model.get("saving")) {
    said.after(makeSaveLine(model, "Start the camera first.", async () => (stream ? save() : null)));
  }

  /** Take a picture at the camera's own size, on a canvas of its own: a frame may be under way on the other. */
  function save() {
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    return encode(canvas, "image/jpeg", 0.95);
  }

  look();
  return () => stop();
}

export default { render };
