"""Geoprocessing itself: GeoDataFrames in and out, with no server in sight."""
