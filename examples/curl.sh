#!/bin/sh
# Buffers the populated places with curl: submit a job, poll it, fetch its result.
# Usage: sh curl.sh [server, default http://127.0.0.1:6080]
set -eu
server=${1:-http://127.0.0.1:6080}
task=$server/arcgis/rest/services/Buffer/GPServer/BufferPoints
data=$(dirname "$0")/data/populated_places.geojson

text_of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

answer=$(curl -sS "$task/submitJob" -d f=json \
    --data-urlencode "Input_Features@$data" \
    --data-urlencode 'Distance={"distance": 10, "units": "esriKilometers"}')
job=$(echo "$answer" | text_of jobId)
[ -n "$job" ] || { echo "$answer"; exit 1; }
echo "$task/jobs/$job"

while
    status=$(curl -sS "$task/jobs/$job?f=json" | text_of jobStatus)
    echo "  $status"
    [ "$status" = esriJobSubmitted ] || [ "$status" = esriJobWaiting ] || [ "$status" = esriJobExecuting ]
do
    sleep 0.5
done
[ "$status" = esriJobSucceeded ] || { curl -sS "$task/jobs/$job?f=pjson"; exit 1; }

# returnType=data: the features themselves, also where the service draws its results as a map.
curl -sS "$task/jobs/$job/results/Output_Polygons?f=json&returnType=data" --output buffers.json
echo "$(grep -o '"rings"' buffers.json | wc -l) polygons in buffers.json"
