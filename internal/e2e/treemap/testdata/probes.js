// What the tests ask of the page. Lengths are in CSS pixels.
const boxes = () => [...document.querySelectorAll("#map .box")].map((e) => {
  const r = e.getBoundingClientRect(), m = document.getElementById("map").getBoundingClientRect();
  return { depth: Number(e.dataset.depth), name: e.getAttribute("aria-label") || "", x: r.x - m.x, y: r.y - m.y, w: r.width, h: r.height };
});
const sheet = () => {
  const map = document.getElementById("map");
  return { size: [map.clientWidth, map.clientHeight], boxes: boxes() };
};

// place is where the map is: in the address, and in words.
const place = () => {
  const names = [...document.querySelectorAll("#crumbs a, #crumbs .here")].map((e) => e.textContent);
  return [location.hash || "#", names.join(" › ")];
};
const focused = () => [...document.querySelectorAll(".top")].indexOf(document.activeElement);
const heats = () => new Set([...document.querySelectorAll(".box")].map((e) => e.className.match(/ h[0-4]/)[0])).size;

// drawing is how many milliseconds the map takes to be drawn anew.
const drawing = () => {
  const before = performance.now();
  document.querySelector("input[name=size]:not(:checked)").click();
  document.getElementById("map").getBoundingClientRect();
  return performance.now() - before;
};

// middle scrolls an element into view and gives its middle.
const middle = (selector) => {
  const e = document.querySelector(selector);
  e.scrollIntoView({ block: "nearest" });
  const r = e.getBoundingClientRect();
  return [r.x + r.width / 2, r.y + r.height / 2];
};

// overflowing are elements whose content is wider than they are, where nobody asked for an ellipsis.
const overflowing = () => [...document.querySelectorAll("body, body *")].filter((e) => {
  if (e.closest("#map") || e.closest("svg") || e.closest("[hidden]") || e.tagName === "INPUT" || e.tagName === "SCRIPT") return false;
  return e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline" && e.clientWidth > 0;
}).map((e) => e.tagName + "." + e.className + "#" + e.id + " " + e.scrollWidth + ">" + e.clientWidth + " " + e.textContent.slice(0, 40));

// collisions are labels in the map that reach out of their rectangle or lie on one another.
const collisions = () => {
  const found = [], seen = [];
  for (const e of document.querySelectorAll("#map .label")) {
    const box = e.parentElement.getBoundingClientRect();
    for (const line of e.children) {
      const r = line.getBoundingClientRect();
      if (r.width === 0) continue;
      if (r.bottom > box.bottom + .5 || r.right > box.right + .5) found.push("out of its rectangle: " + line.textContent);
      if (r.height < 14) found.push("cut: " + line.textContent);
      for (const [other, text] of seen) {
        if (r.left < other.right - .5 && other.left < r.right - .5 && r.top < other.bottom - .5 && other.top < r.bottom - .5) {
          found.push(text + " and " + line.textContent);
        }
      }
      seen.push([r, line.textContent]);
    }
  }
  return found;
};

// contrasts are those of WCAG 2.2 between text and what is behind it, the worst first. Rectangles of every colour are among them.
const contrasts = () => {
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const list = [], colours = [...Array(11).keys()].map((i) => "c" + i).concat([...Array(5).keys()].map((i) => "heat h" + i));
  const samples = colours.flatMap((colour) => ["", " group", " dim"].map((more) => {
    const e = document.createElement("div");
    e.className = "box " + colour + more;
    e.textContent = e.className;
    return e;
  }));
  document.getElementById("map").append(...samples);
  for (const e of document.querySelectorAll("body *")) {
    if (e.tagName === "SCRIPT" || e.tagName === "NOSCRIPT" || e.closest("[hidden]")) continue;
    if (![...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim())) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    list.push({ text: e.tagName + " " + e.textContent.trim().slice(0, 40), ratio: (Math.max(a, b) + .05) / (Math.min(a, b) + .05) });
  }
  samples.forEach((e) => e.remove());
  return list.sort((a, b) => a.ratio - b.ratio);
};

// runs reports whether a script that gets into the page runs.
const runs = () => {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  return window.ran === true;
};

// refused tries to fetch a picture, and gives the directive that forbids it.
const refused = (url) => new Promise((done) => {
  document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), { once: true });
  const img = new Image();
  img.onload = () => done("it was fetched");
  img.src = url;
});
