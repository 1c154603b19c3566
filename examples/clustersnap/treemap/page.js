"use strict";
(() => {
  const root = JSON.parse(document.getElementById("data").textContent).tree;
  const at = (id) => document.getElementById(id);
  const map = at("map"), crumbs = at("crumbs"), detail = at("detail");
  const legend = at("legend"), search = at("search"), results = at("results");
  // What a node's sizes are, and lengths in pixels.
  const LIVE = 0, STORED = 1, REVISIONS = 2, KEYS = 3;
  const HEADER = 18, EDGE = 3, LEAST = 1.5, ROOM = 130, LINE = 16;
  const state = { size: STORED, paint: "resource", path: [], term: "" };
  let drawn = []; // how wide and high
  let boxes = new Map(); // what is drawn: the node of each element

  // Numbers are written as the page's tables have them.
  const bytes = (n) => {
    let unit = 0;
    for (; n >= 1000 && unit < 4; unit++) n /= 1024;
    return n.toFixed(unit > 0 && n < 9.95 ? 1 : 0) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit];
  };
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  const percent = (part, whole) => {
    if (whole <= 0) return "–";
    const p = 100 * part / whole;
    return part === 0 || p >= 9.95 ? p.toFixed(0) + " %" : p < .1 ? "< 0.1 %" : p.toFixed(1) + " %";
  };
  const count = (n, thing) => number(n) + " " + thing + (n === 1 ? "" : "s");
  const measure = (n, size) => size < REVISIONS ? bytes(n) : count(n, size === KEYS ? "key" : "revision");
  const size = (node) => node.v[state.size];
  const make = (tag, name, text) => {
    const e = document.createElement(tag);
    if (name) e.className = name;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // Every node knows its parent, its number there, and the colour of its resource.
  const adopt = (node, colour) => (node.t || []).forEach((child, i) => {
    child.up = node;
    child.i = i;
    child.colour = child.c === undefined ? colour : child.c;
    adopt(child, child.colour);
  });
  adopt(root, 0);
  const pathOf = (node) => node.up ? [...pathOf(node.up), node.i] : [];
  const linkTo = (node) => "#" + pathOf(node).join(".");
  const within = (path) => path.reduce((node, i) => (node.t || [])[i] || node, root);
  const namesOf = (node) => node.up ? [...namesOf(node.up), node.n] : [];

  // squarify cuts a rectangle into one for each value, of an area in proportion and as square as may be: Bruls, Huizing,
  // van Wijk, "Squarified Treemaps", 2000. Values are sorted, the largest first, and above 0.
  function squarify(values, x, y, w, h) {
    const rects = [];
    let left = values.reduce((a, b) => a + b, 0);
    for (let i = 0; i < values.length;) {
      const side = Math.min(w, h), scale = w * h / left;
      let sum = 0, n = 0, worst = Infinity;
      for (; i + n < values.length; n++) {
        const next = sum + values[i + n], square = next * scale / side;
        const ratio = Math.max(values[i] * scale / square / square, square * square / (values[i + n] * scale));
        if (ratio > worst) break;
        worst = ratio;
        sum = next;
      }
      const thick = i + n === values.length ? (w < h ? h : w) : sum * scale / side;
      let along = 0;
      for (let k = 0; k < n; k++) {
        const long = side * values[i + k] / sum;
        rects.push(w < h ? [x + along, y, long, thick] : [x, y + along, thick, long]);
        along += long;
      }
      if (w < h) { y += thick; h -= thick } else { x += thick; w -= thick }
      left -= sum;
      i += n;
    }
    return rects;
  }

  // grid is where a browser puts an edge, which it gives 64 places in a pixel: neighbours have to share theirs, or a gap shows.
  const grid = (v) => Math.floor(v * 64) / 64;

  const heat = (node) => {
    const live = node.v[LIVE], stored = node.v[STORED];
    const part = state.paint === "old" ? (stored - live) / (stored || 1) : (node.m || 0) / (live || 1);
    return Math.min(4, Math.floor(part * 5));
  };

  // draw puts a node's children into a rectangle, and theirs into them while there is room.
  function draw(parent, x, y, w, h, depth, into) {
    const list = (parent.t || []).filter((child) => size(child) > 0).sort((a, b) => size(b) - size(a) || a.i - b.i);
    const rects = squarify(list.map(size), x, y, w, h);
    list.forEach((node, k) => {
      const [x, y, w, h] = rects[k];
      if (depth > 0 && (w < LEAST || h < LEAST)) return;
      const opens = node.t !== undefined;
      const colour = state.paint === "resource" ? "c" + node.colour : "heat h" + heat(node);
      const e = make(depth === 0 ? "button" : "div", "box " + colour);
      e.dataset.depth = depth;
      const place = { left: grid(x), top: grid(y), width: grid(x + w) - grid(x), height: grid(y + h) - grid(y) };
      for (const [name, pixels] of Object.entries(place)) e.style[name] = pixels + "px";
      if (depth === 0) {
        e.classList.add("top");
        e.type = "button";
        e.tabIndex = k === 0 ? 0 : -1;
        const parts = [node.n, measure(size(node), state.size), percent(size(node), size(parent))];
        e.setAttribute("aria-label", parts.concat(opens ? "opens" : []).join(", "));
      } else {
        e.setAttribute("aria-hidden", "true");
      }
      if (node.o) e.classList.add("rest");
      if (w > 5 && h > 5 && depth > 0) e.classList.add("edged");
      const headed = opens && w >= 56 && h >= 44, inner = opens && w >= 10 && h >= 10;
      if (inner) e.classList.add("group");
      if (headed || !inner && w >= 40 && h >= 18) label(e, node, headed, w, h);
      boxes.set(e, node);
      into.append(e);
      const head = headed ? HEADER : EDGE;
      if (inner) draw(node, x + EDGE, y + head, w - 2 * EDGE, h - EDGE - head, depth + 1, into);
    });
  }

  function label(e, node, headed, width, height) {
    const text = make("div", "label"), name = make(headed ? "b" : "span", "", node.n), amount = measure(size(node), state.size);
    text.append(name);
    if (headed) {
      if (width >= ROOM) text.append(make("span", "", amount));
    } else {
      const lines = Math.floor((height - 4) / LINE), both = lines > 1 && width >= 60;
      name.style.webkitLineClamp = Math.max(1, Math.min(lines - (both ? 1 : 0), 6));
      if (both) text.append(make("span", "", amount));
    }
    e.append(text);
  }

  function render() {
    const here = within(state.path), held = boxes.get(document.activeElement);
    boxes = new Map();
    const into = document.createDocumentFragment();
    drawn = [map.clientWidth, map.clientHeight];
    draw(here, 0, 0, ...drawn, 0, into);
    map.replaceChildren(into);
    if (!boxes.size) map.append(make("p", "", "Nothing here has any."));
    crumb(here);
    legends();
    say(null);
    mark();
    if (held) hold(topOf(held));
  }

  // hold gives a button the focus, and makes it the one that Tab leads to.
  function hold(button) {
    if (!button) return;
    map.querySelectorAll(".top").forEach((e) => { e.tabIndex = e === button ? 0 : -1 });
    button.focus();
  }

  function crumb(here) {
    const parts = [];
    for (let node = here; node; node = node.up) parts.unshift(node);
    crumbs.replaceChildren(...parts.flatMap((node) => {
      const e = make(node === here ? "span" : "a", node === here ? "here" : "", node.up ? node.n : "all of etcd");
      if (node !== here) e.href = linkTo(node);
      return node === here ? [e] : [e, " › "];
    }));
    const part = here.up ? `, ${percent(size(here), size(root))} of all` : "";
    crumbs.append(make("em", "", measure(size(here), state.size) + part));
  }

  function legends() {
    if (state.paint !== "resource") {
      const what = state.paint === "old" ? "older revisions, of what is stored:" : "managedFields, of what is live:";
      legend.replaceChildren(make("span", "", what), ...[0, 1, 2, 3, 4].map((i) => {
        const e = make("span");
        e.append(make("i", "h" + i), `${20 * i}–${20 * i + 20} %`);
        return e;
      }));
      return;
    }
    const all = root.t || []; // there is none without keys
    const top = all.filter((node) => node.c < 10 && size(node) > 0), others = all.length - top.length;
    legend.replaceChildren(...top.map((node) => {
      const e = make("a");
      e.href = linkTo(node);
      e.append(make("i", "c" + node.c), node.n, make("small", "", percent(size(node), size(root))));
      return e;
    }));
    if (others > 0) {
      const e = make("span");
      e.append(make("i", "c10"), `${number(others)} others`);
      legend.append(e);
    }
  }

  const says = (node) => [
    `${bytes(node.v[LIVE])} live`, measure(node.v[KEYS], KEYS),
    `${bytes(node.v[STORED])} stored`, measure(node.v[REVISIONS], REVISIONS),
    `managedFields ${percent(node.m || 0, node.v[LIVE])}`,
  ].join(" · ");

  function say(node) {
    if (node) {
      detail.replaceChildren(make("b", "", namesOf(node).join(" › ")), "  " + says(node));
    } else {
      detail.textContent = "Point at a rectangle to see what it is; click to open it.";
    }
  }

  // mark shows what the search finds: objects whose name, or whose namespace's or resource's, has the text in it.
  function mark() {
    const term = state.term.toLowerCase(), found = [];
    const look = (node, above) => {
      const own = term !== "" && node.n.toLowerCase().includes(term);
      node.all = above || own;
      node.some = node.all;
      for (const child of node.t || []) node.some = look(child, node.all) || node.some;
      if (own && !above) found.push(node);
      return node.some;
    };
    for (const child of root.t || []) look(child, false);
    for (const [e, node] of boxes) {
      e.classList.toggle("dim", term !== "" && !node.some);
      e.classList.toggle("hit", term !== "" && node.all && !(node.up && node.up.all));
    }
    results.hidden = term === "";
    if (term === "") return;
    found.sort((a, b) => size(b) - size(a));
    const sum = found.reduce((n, node) => n + size(node), 0), list = make("ol");
    for (const node of found.slice(0, 24)) {
      const li = make("li"), a = make("a", "", namesOf(node).join(" › "));
      a.href = linkTo(node.t ? node : node.up);
      li.append(a, make("span", "", measure(size(node), state.size)));
      list.append(li);
    }
    const shown = found.length > 24 ? ", the 24 largest of them here" : "";
    const said = `${number(found.length)} found, ${measure(sum, state.size)}${shown}. `;
    const p = make("p", "", said + "Objects too small to be listed are not looked for.");
    p.setAttribute("role", "status");
    results.replaceChildren(p, list);
  }

  // topOf is the button that a node is in, if it is drawn.
  const topOf = (node) => {
    const here = within(state.path);
    while (node.up && node.up !== here) node = node.up;
    return [...map.querySelectorAll(".top")].find((e) => boxes.get(e) === node);
  };
  const boxOf = (event) => event.target.closest && event.target.closest(".box");

  map.addEventListener("pointerover", (event) => {
    const e = boxOf(event), node = boxes.get(e);
    map.querySelectorAll(".hover").forEach((old) => old.classList.remove("hover"));
    say(node || null);
    if (!node) return;
    e.classList.add("hover");
    e.title = namesOf(node).join(" › ") + "\n" + says(node);
  });
  map.addEventListener("pointerleave", () => {
    map.querySelectorAll(".hover").forEach((old) => old.classList.remove("hover"));
    say(null);
  });
  map.addEventListener("focusin", (event) => say(boxes.get(event.target) || null));
  map.addEventListener("click", (event) => {
    const node = boxes.get(boxOf(event)), button = node && topOf(node);
    if (!button) return;
    if (boxes.get(button).t) location.hash = linkTo(boxes.get(button));
    else hold(button);
  });
  map.addEventListener("keydown", (event) => {
    const list = [...map.querySelectorAll(".top")], i = list.indexOf(document.activeElement);
    const [next, last] = [i + 1, list.length - 1];
    const to = { ArrowRight: next, ArrowDown: next, ArrowLeft: i - 1, ArrowUp: i - 1, Home: 0, End: last }[event.key];
    if (to !== undefined && list[to]) {
      hold(list[to]);
      event.preventDefault();
    } else if ((event.key === "Escape" || event.key === "Backspace") && state.path.length) {
      location.hash = linkTo(within(state.path).up);
      event.preventDefault();
    }
  });

  // The place in the map is in the address, so that a browser's Back goes back.
  function go() {
    const before = state.path, held = map.contains(document.activeElement);
    state.path = location.hash.slice(1).split(".").filter((s) => /^\d+$/.test(s)).map(Number);
    const there = within(state.path);
    state.path = pathOf(there.t ? there : there.up || root);
    render();
    if (held) hold(before.length > state.path.length && topOf(within(before)) || map.querySelector(".top"));
  }

  function bar() {
    const svg = at("bar"), parts = ["live", "old", "other"].map((name) => [name, Number(svg.dataset[name])]);
    const whole = parts.reduce((n, [, part]) => n + part, 0) || 1;
    svg.setAttribute("viewBox", "0 0 1000 10");
    let x = 0;
    for (const [name, part] of parts) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const attributes = { class: name, x, y: 0, width: 1000 * part / whole, height: 10 };
      for (const [k, v] of Object.entries(attributes)) rect.setAttribute(k, v);
      svg.append(rect);
      x += 1000 * part / whole;
    }
  }

  at("controls").hidden = crumbs.hidden = false;
  at("controls").addEventListener("change", (event) => {
    if (event.target.name === "size") state.size = Number(event.target.value);
    if (event.target.name === "paint") state.paint = event.target.value;
    if (event.target.type === "radio") render();
  });
  search.addEventListener("input", () => { state.term = search.value.trim(); mark() });
  addEventListener("hashchange", go);
  new ResizeObserver(() => { if (map.clientWidth !== drawn[0] || map.clientHeight !== drawn[1]) render() }).observe(map);
  // Paper has another size than the window, and no observer says so.
  addEventListener("beforeprint", () => {
    for (const e of boxes.keys()) {
      for (const [name, whole] of [["left", 0], ["top", 1], ["width", 0], ["height", 1]]) {
        e.style[name] = 100 * parseFloat(e.style[name]) / drawn[whole] + "%";
      }
    }
  });
  addEventListener("afterprint", render);
  bar();
  go();
})();
