// A picture of a result becomes a map to move about in: the server draws every part of it that is looked at.

import { mapBefore } from "./base.js";

const L = window.L;
const NORTHERNMOST = 85; // degrees that the map shows

function lookAt(image) {
  const [west, south, east, north] = image.dataset.extent.split(",").map(Number);
  const map = mapBefore(image, "look", image.alt);
  map.createPane("result").style.zIndex = 450; // above the land
  const within = (latitude) => Math.max(-NORTHERNMOST, Math.min(NORTHERNMOST, latitude));
  let shown = null;
  let wanted = null;

  function draw() {
    const bounds = map.getBounds();
    const corners = [bounds.getSouthWest(), bounds.getNorthEast()].map((corner) => map.options.crs.project(corner));
    const size = map.getSize();
    const asked = new URLSearchParams({
      f: "image", transparent: true, bboxSR: 3857, imageSR: 3857, size: `${size.x},${size.y}`,
      bbox: corners.map(({ x, y }) => `${x},${y}`).join(),
    });
    const overlay = L.imageOverlay(`?${asked}`, bounds, { alt: "", pane: "result" });
    wanted = overlay;
    overlay.once("load", () => {
      if (wanted !== overlay) return overlay.remove(); // the map has moved on
      shown?.remove();
      shown = overlay;
    });
    overlay.addTo(map);
  }

  image.hidden = true;
  map.on("moveend", draw);
  map.fitBounds([[within(south), west], [within(north), east]], { maxZoom: 14, padding: [40, 40] });
}

document.querySelectorAll("img[data-extent]").forEach(lookAt);
