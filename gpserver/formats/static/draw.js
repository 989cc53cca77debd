// A map for every input of features: what is drawn on it goes into the text of the input, and the other way round.

import { element, mapBefore } from "./base.js";

const L = window.L;
const DECIMALS = 5;
const WGS84 = 4326;
// Fewest vertices of a shape that is drawn vertex by vertex; a point is complete at once.
const FEWEST = { esriGeometryMultipoint: 1, esriGeometryPolyline: 2, esriGeometryPolygon: 3 };
const MEMBER = { esriGeometryMultipoint: "points", esriGeometryPolyline: "paths", esriGeometryPolygon: "rings" };

const rounded = ({ lat, lng }) => [lng, lat].map((value) => Number(value.toFixed(DECIMALS)));
const same = (one, other) => one !== undefined && one[0] === other[0] && one[1] === other[1];
const place = ([x, y]) => [y, x];

// Twice the area, above 0 where the ring runs counter-clockwise; Esri's outer rings run clockwise.
const turn = (ring) => ring.reduce((sum, [x, y], n) => {
  const [nextX, nextY] = ring[(n + 1) % ring.length];
  return sum + x * nextY - nextX * y;
}, 0);

function geometryOf(type, vertices) {
  if (type === "esriGeometryPoint") return { x: vertices[0][0], y: vertices[0][1] };
  if (type === "esriGeometryMultipoint") return { points: vertices };
  if (type === "esriGeometryPolyline") return { paths: [vertices] };
  const ring = turn(vertices) > 0 ? [...vertices].reverse() : vertices;
  return { rings: [[...ring, ring[0]]] };
}

// The Leaflet layer of a geometry; throws where it is not of the type.
function drawn(type, geometry) {
  const style = { className: "drawn", interactive: false };
  const dot = (xy) => L.circleMarker(place(xy), { ...style, radius: 6 });
  if (type === "esriGeometryPoint") return dot([geometry.x, geometry.y]);
  const parts = geometry[MEMBER[type]];
  if (type === "esriGeometryMultipoint") return L.featureGroup(parts.map(dot));
  const lines = parts.map((part) => part.map(place));
  return type === "esriGeometryPolygon" ? L.polygon(lines, style) : L.polyline(lines, style);
}

// The features of a text, none for an empty one; null where the map cannot show them.
function read(text, type) {
  if (!text.trim()) return [];
  try {
    const set = JSON.parse(text);
    const wkid = (set.spatialReference ?? set.features[0]?.geometry?.spatialReference)?.wkid ?? WGS84;
    set.features.forEach((feature) => drawn(type, feature.geometry));
    return wkid === WGS84 ? set.features : null;
  } catch {
    return null;
  }
}

function drawOn(area) {
  const type = area.dataset.draw;
  const label = document.querySelector(`label[for="${area.id}"]`).firstChild.textContent.trim();
  const map = mapBefore(area, "draw", `Map to draw ${label} on`, { doubleClickZoom: false });
  const layers = L.featureGroup().addTo(map);
  const tools = element("div", { className: "tools" });
  const said = element("span", { className: "quiet" });
  said.setAttribute("role", "status");
  let features = [];
  let vertices = []; // of the shape that is being drawn

  function show() {
    layers.clearLayers();
    for (const feature of features ?? []) layers.addLayer(drawn(type, feature.geometry));
    if (vertices.length) {
      const dots = vertices.map((xy) => L.circleMarker(place(xy), { className: "drawing", radius: 5, interactive: false }));
      dots.forEach((dot) => layers.addLayer(dot));
      layers.addLayer(L.polyline(vertices.map(place), { className: "drawing", interactive: false }));
    }
    const what = features === null ? "The map cannot show this text; clear it to draw."
      : vertices.length ? `${vertices.length} vertices; finish with a double click or the button.`
      : `${features.length} ${features.length === 1 ? "feature" : "features"}`;
    if (said.textContent !== what) said.textContent = what;
  }

  function write() {
    const set = { geometryType: type, spatialReference: { wkid: WGS84 }, features };
    area.value = features.length ? JSON.stringify(set) : "";
    show();
  }

  function add(position) {
    if (features === null) return;
    const vertex = rounded(position.wrap());
    if (!same(vertices.at(-1), vertex)) vertices.push(vertex);
    if (type === "esriGeometryPoint") finish();
    else show();
  }

  function finish() {
    if (features === null || vertices.length < (FEWEST[type] ?? 1)) return;
    features.push({ geometry: geometryOf(type, vertices), attributes: { id: features.length + 1 } });
    vertices = [];
    write();
  }

  function undo() {
    if (vertices.length) {
      vertices.pop();
      show();
    } else if (features?.length) {
      features.pop();
      write();
    }
  }

  function clear() {
    [features, vertices] = [[], []];
    write();
  }

  function take() {
    [features, vertices] = [read(area.value, type), []];
    show();
    if (features?.length) map.fitBounds(layers.getBounds(), { maxZoom: 6, padding: [30, 30] });
  }

  const button = (text, action) => {
    const made = element("button", { type: "button", className: "second" }, text);
    made.addEventListener("click", action);
    tools.append(made);
  };
  if (type in FEWEST) button("Finish shape", finish);
  button("Add at centre", () => add(map.getCenter()));
  button("Undo", undo);
  button("Clear", clear);
  tools.append(said);
  area.before(tools);
  map.on("click", (event) => add(event.latlng));
  map.on("dblclick", finish);
  // For those who move the map with the keyboard: a ring marks the centre while they do.
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === map.getContainer()) {
      event.preventDefault();
      add(map.getCenter());
    }
  });
  area.addEventListener("change", take);
  take();
}

document.querySelectorAll("textarea[data-draw]").forEach(drawOn);
