"""Opens result maps in QGIS without a display; prints what it found as JSON, and paints into a folder.

It runs in the interpreter that Debian's python3-qgis belongs to.
Usage: python3 desktop.py <URL of the map of buffers> <URL of the map of the crowd> <folder>
"""

import os
import sys
from pathlib import Path

from scenarios import run_all

BUFFERS, CROWD, FOLDER = sys.argv[1:]
os.environ |= {
    "QT_QPA_PLATFORM": "offscreen",
    "QGIS_CUSTOM_CONFIG_PATH": FOLDER,
    "XDG_RUNTIME_DIR": FOLDER,
}

from qgis.core import (  # noqa: E402 - it reads the environment
    NULL,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRaster,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDateTime, QEventLoop, QSize  # noqa: E402 - it reads the environment

EUROPE = QgsRectangle(-10, 35, 30, 55)


def vector(place, crs="EPSG:4326"):
    return QgsVectorLayer(f"crs='{crs}' url='{place}/0'", "layer", "arcgisfeatureserver")


def raster(place, crs="EPSG:4326"):
    return QgsRasterLayer(f"crs='{crs}' format='PNG32' layer='0' url='{place}'", "map", "arcgismapserver")


def corners(box):
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def plain(value):
    """A value of an attribute as JSON knows it."""
    if value == NULL:
        return None
    return value.toUTC().toString("yyyy-MM-dd HH:mm") if isinstance(value, QDateTime) else value


def paint(layer, name, extent, crs="EPSG:4326"):
    """Draw a layer as QGIS does in its window."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(600, 300))
    settings.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    settings.setExtent(extent)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    assert job.renderedImage().save(str(Path(FOLDER, f"{name}.png")))
    return [error.message for error in job.errors()]


def layer():
    """What QGIS knows of the layer, and all of its features."""
    buffers = vector(BUFFERS)
    features = list(buffers.getFeatures())
    return {
        "valid": buffers.isValid(),
        "count": buffers.featureCount(),
        "extent": corners(buffers.extent()),
        "crs": buffers.crs().authid(),
        "geometry": QgsWkbTypes.displayString(buffers.wkbType()),
        "fields": [[field.name(), field.typeName()] for field in buffers.fields()],
        "color": buffers.renderer().symbol().color().name(),
        "names": [feature["name"] for feature in features],
        "areas": [feature.geometry().area() for feature in features],
        "shape_areas": [feature["Shape_Area"] for feature in features],
    }


def filtered():
    """The features of a rectangle, and of an expression."""
    buffers = vector(BUFFERS)
    requests = {
        "by_place": QgsFeatureRequest().setFilterRect(QgsRectangle(2, 48, 3, 49)),
        "by_name": QgsFeatureRequest().setFilterExpression("\"name\" = 'Rome'"),
    }
    return {
        kind: [feature["name"] for feature in buffers.getFeatures(request)]
        for kind, request in requests.items()
    }


def projected():
    """The layer in Web Mercator, projected by the server."""
    buffers = vector(BUFFERS, "EPSG:3857")
    [rome] = buffers.getFeatures(QgsFeatureRequest().setFilterExpression("\"name\" = 'Rome'"))
    center = rome.geometry().centroid().asPoint()
    return {"extent": corners(buffers.extent()), "rome": [center.x(), center.y()]}


def crowd():
    """Categories, types and the missing values of a layer of many pages."""
    people = vector(CROWD)
    south_west = QgsRectangle(-180, -80, -169, -79)
    return {
        "count": people.featureCount(),
        "fields": [[field.name(), field.typeName()] for field in people.fields()],
        "categories": {
            str(item.value()): item.symbol().color().name() for item in people.renderer().categories()
        },
        "field": people.renderer().classAttribute(),
        "south_west": [
            [plain(value) for value in feature.attributes()]
            for feature in people.getFeatures(QgsFeatureRequest().setFilterRect(south_west))
        ],
        "nearby": sum(1 for _ in people.getFeatures(QgsFeatureRequest().setFilterRect(EUROPE))),
    }


def image():
    """What QGIS knows of the map as pictures."""
    pictures = raster(BUFFERS)
    return {
        "valid": pictures.isValid(),
        "extent": corners(pictures.extent()),
        "crs": pictures.crs().authid(),
    }


def painted():
    """The same places drawn by QGIS from the features (*-vector.png) and by the server (*-raster.png)."""
    layers = {"vector": vector(BUFFERS), "raster": raster(BUFFERS)}
    errors = [paint(layers[kind], f"europe-{kind}", EUROPE) for kind in layers]
    layers = {"vector": vector(CROWD), "raster": raster(CROWD)}
    close = QgsRectangle(0, 0, 20, 10)
    return errors + [paint(layers[kind], f"crowd-{kind}", close) for kind in layers]


def identified():
    """What is at Paris."""
    pictures, paris = raster(BUFFERS), QgsPointXY(2.35, 48.86)
    answer = pictures.dataProvider().identify(paris, QgsRaster.IdentifyFormatFeature, EUROPE, 400, 200)
    stores = [store for found in answer.results().values() for store in found]
    return [feature["name"] for store in stores for feature in store.features()]


def legend():
    """Width and height of the legend, and how many colours it has."""
    pictures = raster(CROWD)
    fetcher = pictures.dataProvider().getLegendGraphicFetcher(None)
    came, loop = [], QEventLoop()
    for signal in (fetcher.finish, fetcher.error):
        signal.connect(lambda outcome: (came.append(outcome), loop.quit()))
    fetcher.start()
    if not came:
        loop.exec_()
    [picture] = came
    pixels = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    return [picture.width(), picture.height(), len(pixels)]


SCENARIOS = [layer, filtered, projected, crowd, image, painted, identified, legend]

application = QgsApplication([], False)
application.initQgis()
run_all(SCENARIOS)
application.exitQgis()
