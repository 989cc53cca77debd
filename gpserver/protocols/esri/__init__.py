"""ArcGIS REST: the services directory, geoprocessing services and their jobs."""
