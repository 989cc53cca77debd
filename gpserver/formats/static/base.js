// The map under everything that is drawn or looked at: the outline of the land from Natural Earth (public domain) with
// a grid over it. It needs nothing from other hosts.

const L = window.L;

export function element(name, attributes = {}, text = "") {
  const made = Object.assign(document.createElement(name), attributes);
  made.textContent = text;
  return made;
}

function grid(map) {
  const lines = L.layerGroup().addTo(map);
  const draw = () => {
    const bounds = map.getBounds();
    const step = [30, 10, 5, 1, 0.5, 0.1, 0.05, 0.01].find((each) => bounds.getNorth() - bounds.getSouth() > 4 * each) ?? 0.01;
    const [west, east] = [Math.max(-180, bounds.getWest()), Math.min(180, bounds.getEast())];
    const [south, north] = [Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth())];
    const line = (one, other) => lines.addLayer(L.polyline([one, other], { className: "grid", interactive: false, weight: 1 }));
    lines.clearLayers();
    for (let n = Math.ceil(west / step); n * step <= east; n++) line([south, n * step], [north, n * step]);
    for (let n = Math.ceil(south / step); n * step <= north; n++) line([n * step, west], [n * step, east]);
  };
  map.on("moveend", draw);
  draw();
}

// A map in front of an element, which has the URL of the land; of a kind that the style sheet knows.
export function mapBefore(neighbour, kind, label, options = {}) {
  const box = element("div", { className: `map ${kind}` });
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  neighbour.before(box);
  const map = L.map(box, { zoomSnap: 0.25, minZoom: 0, maxZoom: 18, ...options });
  map.attributionControl.setPrefix('<a href="https://leafletjs.com">Leaflet</a>').addAttribution("Natural Earth");
  map.fitBounds([[-50, -170], [72, 180]]);
  grid(map);
  fetch(neighbour.dataset.land).then((answer) => answer.json()).then((land) => {
    L.geoJSON(land, { style: { className: "land", weight: 1 }, interactive: false }).addTo(map).bringToBack();
  });
  return map;
}
