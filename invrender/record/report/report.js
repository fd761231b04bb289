// What moves in a report. Each part does nothing where the page lacks its elements.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.body).getPropertyValue(name);
const LINES = ["#3987e5", "#e0701a", "#2ca05a", "#c9429b", "#8a63d2", "#b58a00"];
const LAYER_COLORS = { start: "#f08c1e", path: "#facd3c", found: "#14b464", truth: "#3c82fa", known: "#8c8c96" };

function compare() {
  if (!element("compare")) return;
  const names = Object.keys(data.pictures);
  const divider = element("divider");
  const move = () => {
    element("left-picture").style.clipPath = `inset(0 ${100 - divider.value}% 0 0)`;
    element("stage").querySelector("span").style.left = `${divider.value}%`;
  };
  for (const [side, wanted] of [["left", "target"], ["right", "final"]]) {
    const select = element(side);
    select.append(...names.map((name) => new Option(name, name)));
    select.value = names.includes(wanted) ? wanted : names[side === "left" ? 0 : 1];
    const show = () => {
      const picture = element(`${side}-picture`);
      picture.src = data.pictures[select.value];
      picture.alt = `${select.value}, ${side} of the divider`;
    };
    select.addEventListener("change", show);
    show();
  }
  const drag = (event) => {
    if (event.buttons === 0 && event.type !== "pointerdown") return;
    const box = element("stage").getBoundingClientRect();
    divider.value = (100 * (event.clientX - box.left)) / box.width;
    move();
  };
  for (const kind of ["pointerdown", "pointermove"]) element("stage").addEventListener(kind, drag);
  divider.addEventListener("input", move);
  move();
}

function film() {
  if (!element("film")) return;
  const [scrub, play] = [element("scrub"), element("play")];
  let timer = null;
  const show = () => {
    element("frame").src = data.frames[scrub.value];
    const text = `${Number(scrub.value) + 1} of ${data.frames.length}`;
    element("frame-number").textContent = text;
    scrub.setAttribute("aria-valuetext", `frame ${text}`);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "play";
  };
  const advance = () => {
    if (Number(scrub.value) === data.frames.length - 1) return stop();
    scrub.value = Number(scrub.value) + 1;
    show();
  };
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    if (Number(scrub.value) === data.frames.length - 1) scrub.value = 0;
    show();
    play.textContent = "pause";
    timer = setInterval(advance, 120);
  });
  scrub.addEventListener("input", () => {
    stop();
    show();
  });
  show();
}

// The number formats of charts: few digits, powers of ten as they are.
const short = (value) => (value == null ? "–" : Number(value.toPrecision(3)).toString());
const axis = (more) => ({ stroke: style("--faint"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line") }, ...more });

function charts() {
  if (!element("charts")) return;
  const holder = element("plots");
  const draw = () => {
    const across = document.querySelector("input[name=axis]:checked").value;
    holder.replaceChildren();
    for (const plot of data.charts.plots) chart(holder, plot, across);
  };
  document.querySelectorAll("input[name=axis]").forEach((radio) => radio.addEventListener("change", draw));
  redrawn(holder, draw);
}

function chart(holder, plot, across) {
  const { stage } = data.charts;
  const x = [...data.charts[across]];
  const last = x.length - 1;
  // The best scene has the iteration of the last step; of two points in one place only one would be drawn.
  x[last] += 1e-6;
  const series = [{ label: across, value: (_, value) => short(value) }];
  const columns = [x];
  Object.entries(plot.series).forEach(([label, values], index) => {
    const stroke = LINES[index % LINES.length];
    const between = values.map((value, i) => ((i === 0 || i === last) && last > 1 ? null : value));
    const ends = values.map((value, i) => (i === 0 || i === last ? value : null));
    series.push({ label, stroke, width: 1.5, spanGaps: true, points: { show: false }, value: (_, value) => short(value) });
    series.push({ label: `${label} ends`, stroke, paths: () => null, points: { show: true, size: 8, fill: stroke }, class: "ends" });
    columns.push(between, ends);
  });
  const borders = x.filter((_, i) => i > 1 && i < last && stage[i] !== stage[i - 1]);
  const draw_borders = (u) => {
    u.ctx.strokeStyle = style("--faint");
    u.ctx.setLineDash([4, 4]);
    for (const border of borders) {
      const at = Math.round(u.valToPos(border, "x", true));
      u.ctx.beginPath();
      u.ctx.moveTo(at, u.bbox.top);
      u.ctx.lineTo(at, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
    }
    u.ctx.setLineDash([]);
  };
  new libraries.uPlot(
    {
      title: plot.title,
      width: holder.clientWidth,
      height: 220,
      scales: { x: { time: false }, y: { distr: plot.logarithmic ? 3 : 1 } },
      axes: [axis({}), axis({ size: 60, values: (_, splits) => splits.map((split) => (split == null ? "" : short(split))) })],
      series,
      hooks: { drawAxes: [draw_borders] },
    },
    columns,
    holder,
  );
}

// Draw now, and again where the width or the colours of the page change.
function redrawn(holder, draw) {
  let width = null;
  const look = () => {
    if (holder.clientWidth === width) return;
    width = holder.clientWidth;
    draw();
  };
  look();
  new ResizeObserver(() => requestAnimationFrame(look)).observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

async function geometry() {
  if (!element("geometry")) return;
  const three = libraries;
  const canvas = element("canvas");
  let renderer;
  try {
    renderer = new three.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
  } catch {
    element("geometry-note").textContent = "This browser has no WebGL, which the view needs.";
    return;
  }
  const bytes = Uint8Array.from(atob(data.geometry), (character) => character.charCodeAt(0));
  const { scene: model } = await new three.GLTFLoader().parseAsync(bytes.buffer, "");
  const notes = { note: "", up: [0, 1, 0], eye: [1, 1, 1], ...model.userData };
  const scene = new three.Scene();
  const camera = new three.PerspectiveCamera(40, 1, 0.01, 1000);
  const headlight = new three.DirectionalLight(0xffffff, 1.5);
  camera.add(headlight);
  scene.add(model, camera, new three.AmbientLight(0xffffff, 2));

  const sphere = new three.Box3().setFromObject(model).getBoundingSphere(new three.Sphere());
  const narrow = Math.min(1, canvas.clientWidth / canvas.clientHeight);
  const distance = (0.8 * sphere.radius) / Math.sin((camera.fov / 2) * (Math.PI / 180)) / narrow;
  camera.up.fromArray(notes.up).normalize();
  camera.near = distance / 100;
  camera.far = distance * 100;
  const away = camera.position.clone().fromArray(notes.eye).sub(sphere.center).normalize();
  away.applyAxisAngle(camera.up, Math.PI / 5).addScaledVector(camera.up, 0.25).normalize();
  camera.position.copy(sphere.center).addScaledVector(away, distance);
  const controls = new three.OrbitControls(camera, canvas);
  controls.target.copy(sphere.center);
  controls.listenToKeyEvents(canvas);
  const draw = () => renderer.render(scene, camera);
  controls.addEventListener("change", draw);

  const nodes = [];
  model.traverse((node) => {
    const layer = node.name.split("_")[0];
    if (node.name && layer in LAYER_COLORS) nodes.push([node, layer === "found" && !node.name.startsWith("found_camera") ? "objects" : layer]);
  });
  for (const layer of new Set(nodes.map(([, layer]) => layer))) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      for (const [node, its] of nodes) if (its === layer) node.visible = box.checked;
      draw();
    });
    const label = document.createElement("label");
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = LAYER_COLORS[layer] ?? "var(--faint)";
    label.append(box, swatch, layer);
    element("layers").append(label);
  }
  element("geometry-note").textContent = notes.note;

  const fill = () => {
    renderer.setPixelRatio(devicePixelRatio);
    renderer.setSize(canvas.clientWidth, canvas.clientHeight, false);
    camera.aspect = canvas.clientWidth / canvas.clientHeight;
    camera.updateProjectionMatrix();
    controls.update();
    draw();
    canvas.dataset.drawn = nodes.length;
  };
  fill();
  new ResizeObserver(fill).observe(canvas);
}

function sweep() {
  if (!element("sweep-plots")) return;
  const holder = element("multiples");
  const draw = () => {
    holder.replaceChildren();
    const measure = element("measure").value;
    for (const key of Object.keys(data.sweep.swept)) multiple(holder, key, measure);
  };
  element("measure").addEventListener("change", draw);
  redrawn(holder, draw);
}

// One measure against one swept key: numbers where they are, other values side by side.
function multiple(holder, key, measure) {
  const texts = data.sweep.swept[key];
  const distinct = [...new Set(texts)];
  const numeric = distinct.every((text) => text !== null && text.trim() !== "" && Number.isFinite(Number(text)));
  const places = texts.map((text) => (numeric ? Number(text) : distinct.indexOf(text)));
  const values = data.sweep.measures[measure];
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const logarithmic = !measure.endsWith("_db") && values.every((value) => value === null || value > 0);
  const cell = holder.appendChild(document.createElement("div"));
  const low = Math.min(...places);
  const high = Math.max(...places);
  const margin = 0.1 * (high - low) || 0.5;
  const named = (_, splits) => splits.map((split) => (numeric ? short(split) : (distinct[split] ?? "")));
  new libraries.uPlot(
    {
      title: key,
      width: cell.clientWidth,
      height: 220,
      legend: { show: false },
      scales: { x: { time: false, range: [low - margin, high + margin] }, y: { distr: logarithmic ? 3 : 1 } },
      axes: [
        axis({ splits: distinct.length <= 8 ? () => [...new Set(places)] : undefined, values: named }),
        axis({ size: 60, values: (_, splits) => splits.map((split) => (split == null ? "" : short(split))) }),
      ],
      series: [{}, { stroke: LINES[0], paths: () => null, points: { show: true, size: 7, fill: LINES[0] } }],
    },
    [order.map((i) => places[i]), order.map((i) => values[i])],
    cell,
  );
}

function tables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => ordered(value_of(a, column), value_of(b, column), descending)));
    }));
  }
}

const value_of = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

// Numbers by their size, texts by the alphabet; what is empty comes last in either direction.
function ordered(a, b, descending) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  const order = Number.isNaN(difference) ? a.localeCompare(b, undefined, { numeric: true }) : difference;
  return descending ? -order : order;
}

function copies() {
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(element(button.dataset.copies).textContent.trim());
      button.textContent = "copied";
    });
  }
}

compare();
film();
charts();
sweep();
tables();
copies();
geometry();
