SELECT * FROM u.cities WHERE pop > @least ORDER BY gid
SELECT count(*) AS cnt FROM u.cities
SELECT u.cities.name, cities.pop FROM u.cities WHERE name IS NOT NULL ORDER BY u.cities.gid
SELECT DISTINCT name FROM u.cities ORDER BY name
SELECT DISTINCT ON (name) name, gid FROM u.cities ORDER BY name, gid DESC
SELECT name, pop FROM u.cities ORDER BY pop DESC, gid LIMIT 3 OFFSET 1
SELECT name, pop FROM u.cities ORDER BY pop, gid
SELECT name FROM u.cities WHERE name LIKE 'A%' OR name LIKE '%\%' OR name LIKE 'd\_e' OR name ILIKE 'B%' ORDER BY gid
SELECT name FROM u.cities WHERE name LIKE @pattern ORDER BY gid
SELECT name FROM u.cities WHERE name LIKE 'Cy!%' ESCAPE '!' AND name NOT LIKE 'x%'
SELECT name FROM u.cities WHERE name IN (SELECT unnest(@names)) AND gid = ANY(@ids) ORDER BY gid
SELECT gid FROM u.cities WHERE gid IN (1, 3) OR gid BETWEEN 5 AND 6 OR pop IS DISTINCT FROM pop
SELECT gid, pop / 3, pop % 3, -pop / 3, rate * 2 + 1, rate ^ 2, pop / 2.5 FROM u.cities WHERE gid <> 6 ORDER BY gid
SELECT gid, pop + 1 FROM u.cities WHERE pop > 1000
SELECT round(rate::numeric, 1), round(rate * 3), rate::int, pop::text, pop::numeric / 4, name::varchar(2) FROM u.cities ORDER BY gid
SELECT CASE WHEN pop > 100 THEN 'big' WHEN pop IS NULL THEN 'none' ELSE 'small' END, CASE open WHEN true THEN 1 END FROM u.cities ORDER BY gid
SELECT coalesce(name, '-'), nullif(pop, 7), concat(name, '-', pop), name || '!', concat_ws('/', name, pop) FROM u.cities ORDER BY gid
SELECT upper(name), lower(name), length(name), left(name, 2), right(name, 1), replace(name, 'A', 'x'), reverse(name), substr(name, 2), substring(name from 1 for 2), position('d' in name), strpos(name, 'a'), trim(both 'A' from name), btrim(name, 'a'), ltrim(name, 'A'), lpad(name, 6, '*'), rpad(name, 5), split_part(name, '_', 2), starts_with(name, 'A'), md5(name), ascii(name), translate(name, 'Ad', 'xy') FROM u.cities ORDER BY gid
SELECT regexp_replace(name, '[aeiou]', '-', 'g'), name ~ '^A', name ~* '^b', name !~ 'd' FROM u.cities ORDER BY gid
SELECT abs(rate), ceil(rate), floor(rate), sign(rate), trunc(rate), power(rate, 2), mod(pop, 4), greatest(rate, 1), least(rate, NULL, 2), degrees(pi()), exp(1), ln(2), log(100), sqrt(16), atan2(1, 2) FROM u.cities WHERE gid < 6 ORDER BY gid
SELECT date_trunc('month', built), extract(year from built), extract(dow from built), date_part('hour', built), built::date, built + interval '1 month', built - interval '2 days 3 hours', to_char(built, 'YYYY-MM-DD HH24:MI'), built > '2020-01-01', built < @moment FROM u.cities ORDER BY gid
SELECT extract(epoch from built - timestamp '2020-01-01'), built::date - date '2020-01-01', make_date(2020, 2, 29), built < now(), built < current_date FROM u.cities ORDER BY gid
SELECT name, count(*), sum(pop), min(built), max(rate), avg(rate) FROM u.cities WHERE gid < 6 GROUP BY name HAVING count(*) > 0 ORDER BY name
SELECT sum(pop), avg(pop), stddev(rate), stddev_pop(rate), variance(rate), bool_and(open), bool_or(open), every(open), count(DISTINCT name), count(pop) FILTER (WHERE pop > 5) FROM u.cities WHERE gid < 6
SELECT string_agg(name, ',' ORDER BY gid), string_agg(DISTINCT name, ',' ORDER BY name), array_agg(gid ORDER BY gid DESC) FROM u.cities
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY rate), percentile_cont(0.25) WITHIN GROUP (ORDER BY rate DESC), percentile_disc(0.5) WITHIN GROUP (ORDER BY pop), mode() WITHIN GROUP (ORDER BY name) FROM u.cities
SELECT corr(pop, rate), covar_samp(pop, rate), regr_slope(pop, rate) FROM u.cities WHERE gid < 6
SELECT name, rank() OVER (ORDER BY rate DESC), row_number() OVER w, lag(gid) OVER w, lead(gid, 1, 0) OVER w, first_value(gid) OVER w, sum(rate) OVER (ORDER BY gid ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), ntile(2) OVER w FROM u.cities WINDOW w AS (PARTITION BY name ORDER BY gid) ORDER BY gid
SELECT name, count(*), grouping_rows.n FROM u.cities CROSS JOIN (SELECT count(*) AS n FROM u.zones) AS grouping_rows GROUP BY name, n ORDER BY name
SELECT name, count(*) FROM u.cities GROUP BY ROLLUP (name) ORDER BY 1, 2
WITH big AS (SELECT * FROM u.cities WHERE pop > 5), named(n) AS (SELECT name FROM big) SELECT n, count(*) FROM named GROUP BY n ORDER BY n
WITH RECURSIVE steps(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM steps WHERE i < 5) SELECT i FROM steps ORDER BY i
SELECT name FROM u.cities UNION SELECT zone FROM u.zones ORDER BY 1
(SELECT gid FROM u.cities) EXCEPT (SELECT gid FROM u.zones) ORDER BY gid
SELECT gid FROM u.cities INTERSECT SELECT gid FROM u.roads ORDER BY gid
SELECT a.gid, b.gid FROM u.cities a JOIN u.cities b ON a.name = b.name AND a.gid < b.gid
SELECT gid, c.name, z.zone FROM u.cities c FULL JOIN u.zones z USING (gid) ORDER BY gid
SELECT name FROM u.cities c WHERE EXISTS (SELECT 1 FROM u.zones z WHERE z.gid = c.gid) AND c.gid <> ALL (SELECT 1) ORDER BY gid
SELECT name, (SELECT max(gid) FROM u.zones) AS top FROM u.cities ORDER BY gid
SELECT i, i * 2 AS twice FROM generate_series(1, 4) AS i ORDER BY i
SELECT c.gid, s.k FROM u.cities c CROSS JOIN LATERAL generate_series(1, c.gid) AS s(k) WHERE c.gid < 3 ORDER BY 1, 2
SELECT x FROM unnest(@ids) AS t(x) ORDER BY x
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(i, t) ORDER BY i
SELECT gid FROM u.cities WHERE (name, gid) IN (('Ada', 1), ('x', 2))
SELECT c.name, z.zone FROM u.zones z JOIN u.cities c ON ST_Within(c.geometry, z.geometry) ORDER BY 1, 2
SELECT z.zone, count(c.gid) FROM u.zones z LEFT JOIN u.cities c ON ST_Contains(z.geometry, c.geometry) GROUP BY z.zone ORDER BY 1
SELECT c.name, n.zone, n.d FROM u.cities c CROSS JOIN LATERAL (SELECT z.zone, z.geometry <-> c.geometry AS d FROM u.zones z WHERE z.geometry IS NOT NULL ORDER BY z.geometry <-> c.geometry, z.gid LIMIT 1) AS n ORDER BY c.gid
SELECT gid, ST_Area(geometry), ST_Perimeter(geometry), ST_Length(geometry), ST_NPoints(geometry), ST_NumGeometries(geometry), ST_IsValid(geometry), ST_IsEmpty(geometry), ST_GeometryType(geometry), GeometryType(geometry), ST_SRID(geometry), ST_Dimension(geometry), ST_XMin(geometry), ST_YMax(geometry) FROM u.zones WHERE gid < 4 ORDER BY gid
SELECT gid, ST_Buffer(geometry, 0.01) AS geometry FROM u.cities ORDER BY gid
SELECT ST_Buffer(geometry, 0.1, 'quad_segs=2 endcap=flat join=mitre') FROM u.roads ORDER BY gid
SELECT ST_Buffer(geometry, 0.1, 2) FROM u.roads ORDER BY gid
SELECT ST_Intersection(a.geometry, b.geometry), ST_Union(a.geometry, b.geometry), ST_Difference(a.geometry, b.geometry), ST_SymDifference(a.geometry, b.geometry), ST_Intersects(a.geometry, b.geometry), ST_Touches(a.geometry, b.geometry), ST_Overlaps(a.geometry, b.geometry), ST_Crosses(a.geometry, b.geometry), ST_Disjoint(a.geometry, b.geometry), ST_Equals(a.geometry, b.geometry), ST_Covers(a.geometry, b.geometry), ST_CoveredBy(a.geometry, b.geometry), ST_Distance(a.geometry, b.geometry), ST_DWithin(a.geometry, b.geometry, 10) FROM u.plan a CROSS JOIN u.plan b ORDER BY a.gid, b.gid
SELECT ST_Union(geometry), ST_Collect(geometry), sum(ST_Area(geometry)) FROM u.plan
SELECT ST_Centroid(geometry), ST_Envelope(geometry), ST_ConvexHull(geometry), ST_Boundary(geometry), ST_Multi(geometry), ST_MakeValid(geometry), ST_Reverse(geometry), ST_FlipCoordinates(geometry), ST_Expand(geometry, 1), ST_Translate(geometry, 1, 2), ST_ExteriorRing(geometry), ST_Force2D(geometry) FROM u.plan ORDER BY gid
SELECT ST_StartPoint(geometry), ST_EndPoint(geometry), ST_PointN(geometry, 2), ST_LineInterpolatePoint(geometry, 0.25), ST_LineSubstring(geometry, 0.1, 0.5), ST_LineLocatePoint(geometry, ST_EndPoint(geometry)), ST_Simplify(geometry, 0.2), ST_SimplifyPreserveTopology(geometry, 0.2), ST_IsClosed(geometry), ST_Azimuth(ST_StartPoint(geometry), ST_EndPoint(geometry)) FROM u.roads ORDER BY gid
SELECT ST_ClosestPoint(r.geometry, c.geometry), ST_ShortestLine(r.geometry, c.geometry) FROM u.roads r, u.cities c WHERE r.gid = 1 AND c.gid > 1 ORDER BY c.gid
SELECT ST_X(geometry), ST_Y(geometry), ST_AsText(geometry), ST_X(ST_Transform(geometry, 3857)) FROM u.cities ORDER BY gid
SELECT gid, ST_Transform(geometry, 32636) AS geometry FROM u.cities ORDER BY gid
SELECT gid, ST_Transform(geometry, @srid) AS geometry FROM u.plan ORDER BY gid
SELECT ST_AsText(geometry) FROM u.zones WHERE gid < 4 ORDER BY gid
SELECT gid FROM u.cities WHERE ST_Intersects(geometry, ST_MakeEnvelope(29, 59, 30.1, 61, 4326)) OR ST_Within(geometry, ST_GeomFromText('POLYGON((36 54,38 54,38 56,36 56,36 54))', 4326)) ORDER BY gid
SELECT gid FROM u.cities WHERE geometry && ST_MakeEnvelope(29, 59, 30.1, 61, 4326) ORDER BY gid
SELECT ST_Distance(geometry, ST_SetSRID(ST_MakePoint(30, 60), 4326)), ST_Equals(geometry, ST_Point(30, 60, 4326)), ST_DWithin(geometry, ST_SetSRID(ST_GeomFromGeoJSON('{"type":"Point","coordinates":[30,60]}'), 4326), 0.6) FROM u.cities ORDER BY gid
SELECT gid, (ST_Dump(geometry)).geom AS geometry FROM u.zones WHERE gid = 3
SELECT z.gid, d.path, d.geom FROM u.zones z CROSS JOIN LATERAL ST_Dump(z.geometry) AS d WHERE z.gid = 3 ORDER BY d.path
SELECT ST_MakeLine(geometry ORDER BY gid), ST_MakeLine(ST_Point(0, 0, 4326), ST_Point(1, 1, 4326)) FROM u.cities
SELECT ST_Area(geometry::geography), ST_Perimeter(geometry::geography), ST_Length(geometry::geography), ST_Area(CAST(geometry AS geography)) / 1000000 AS km2 FROM u.zones ORDER BY gid
SELECT ST_Length(geometry::geography), ST_Area(geometry::geography) FROM u.roads ORDER BY gid
SELECT a.gid, b.gid, ST_Distance(a.geometry::geography, b.geometry::geography) AS metres FROM u.cities a JOIN u.cities b ON ST_DWithin(a.geometry::geography, b.geometry::geography, 60000) AND a.gid < b.gid ORDER BY 1, 2
SELECT c.name, ST_AsText(c.geometry) FROM u.cities c WHERE c.gid = 1 ${isset:@least, { AND c.pop > @least ${isset:@nothing, { AND 1 = 0 }} }}
SELECT gid FROM u.cities ORDER BY gid LIMIT @least OFFSET 1
SELECT pop * 2 AS name FROM u.cities WHERE name = 'Ada' AND gid < 6 ORDER BY gid
SELECT left(name, 1) AS name, count(*) FROM u.cities GROUP BY name ORDER BY 1, 2
SELECT left(name, 1) AS initial, count(*) FROM u.cities GROUP BY initial ORDER BY initial
SELECT -gid AS gid FROM u.cities ORDER BY gid
SELECT count(*) AS pop, name FROM u.cities GROUP BY name HAVING max(pop) > 5 ORDER BY name
SELECT lower(name), upper(name) FROM u.cities ORDER BY lower, gid
SELECT x.count, x.sum FROM (SELECT name, count(*), sum(rate) FROM u.cities GROUP BY name) AS x ORDER BY x.count, x.sum
SELECT gid FROM u.cities ORDER BY pop DESC NULLS LAST, gid
SELECT gid FROM u.cities ORDER BY pop NULLS FIRST, gid
SELECT c.gid, r.road FROM u.roads r RIGHT JOIN u.cities c ON r.gid = c.gid ORDER BY 1
SELECT gid, zone, road FROM u.zones NATURAL LEFT JOIN u.roads ORDER BY gid
SELECT count(*) FROM (u.zones z JOIN u.roads r ON z.gid = r.gid) LEFT JOIN u.cities c ON c.gid = z.gid
SELECT a.gid FROM u.cities a, u.cities b, LATERAL (SELECT max(c.gid) AS top FROM u.cities c WHERE c.gid < b.gid) AS d WHERE a.gid = d.top ORDER BY 1
SELECT gid, built + @least * interval '1 day', built + interval '36 hours', built - interval '1 year', age(built, timestamp '2019-01-01') > interval '10 days' FROM u.cities ORDER BY gid
SELECT built::text, built::timestamptz > '2020-01-01T00:00:00+03:00', extract(week from built), extract(quarter from built), extract(isodow from built), date_trunc('week', built), date_trunc('quarter', built) FROM u.cities ORDER BY gid
SELECT to_timestamp(1600000000) AT TIME ZONE 'UTC', to_char(built, 'DD.MM.YYYY') FROM u.cities WHERE gid = 1
SELECT NOT open, open IS TRUE, open IS NOT FALSE, open AND gid > 3, open OR gid > 3 FROM u.cities ORDER BY gid
SELECT array_length(ARRAY[1, 2, 3], 1), (ARRAY[4, 5])[2], ARRAY['a', 'b'] && ARRAY['b'], array_to_string(ARRAY[1, 2], '-'), string_to_array('a,b', ','), 2 = ANY(ARRAY[1, 2])
SELECT 'a' = 'A', 'a' < 'b', 'Z' < 'a', 1 = 1.0, NULL = NULL, 10 / 4 * 4, 10 * 4 / 4, -7 % 3, 2 ^ 3 ^ 2, 7 - 2 - 1
SELECT CAST('12' AS int) + 1, CAST(2.5 AS int), CAST(3.5 AS int), CAST('2020-02-03' AS date), CAST(1 AS boolean), CAST('1.25' AS numeric(10, 1)), 1::float8 / 3
SELECT gid, row_number() OVER (ORDER BY geometry <-> ST_SetSRID(ST_MakePoint(30, 60), 4326)) FROM u.cities ORDER BY gid
SELECT z.zone, ST_Area(ST_Intersection(z.geometry, ST_Buffer(c.geometry, 0.5))) FROM u.zones z JOIN u.cities c ON ST_DWithin(z.geometry, c.geometry, 0.5) ORDER BY 1, 2
SELECT name, ST_Union(geometry) AS geometry FROM u.cities GROUP BY name ORDER BY name
SELECT ST_Area(ST_Transform(geometry, 32636)), ST_Length(ST_Transform(ST_Boundary(geometry), 3857)) FROM u.zones WHERE gid < 4 ORDER BY gid
SELECT ST_IsValid(ST_MakeValid(ST_GeomFromText('POLYGON((0 0,1 1,1 0,0 1,0 0))', 3857))), ST_Area(ST_MakeValid(ST_GeomFromText('POLYGON((0 0,1 1,1 0,0 1,0 0))', 3857)))
SELECT gid, 'POINT(30 60)'::geography <-> 'POINT(30 60)'::geography, ST_Area('POLYGON((0 0,1 0,1 1,0 1,0 0))'::geography) FROM u.roads ORDER BY gid
SELECT ST_Perimeter(ST_Envelope(ST_Collect(geometry))) FROM u.cities
SELECT '{"a": {"b c": [1, "x"]}, "o''k": null}'::jsonb -> 'a' -> 'b c' ->> 1, '{"a": 1}'::json ->> 'a', '{"a": 1}'::json ->> 'b', ('{"a.b": 2}'::json ->> 'a.b')::int + 1
SELECT round(rate), round(rate * 3), round(2.5), round(-2.5), round(2.5::float8), round(0.125, 2), round((rate + 2)::numeric) FROM u.cities ORDER BY gid
SELECT concat(rate, '/', pop), rate || ' m', 'x' || gid, rate::text, pop::text, open::text, name || '-' || coalesce(name, '?'), concat_ws('/', rate, gid) FROM u.cities ORDER BY gid
SELECT substr(name, -1), substr(name, 0, 2), substr(name, -1, 3), substring(name from 2), substring(name from 0 for 2), substring(name for 2), left(name, -1), right(name, 2) FROM u.cities ORDER BY gid
SELECT ST_Distance(geometry, ST_GeomFromText('POLYGON EMPTY', 4326)), ST_SRID(geometry), ST_SRID(ST_MakePoint(1, 2)), ST_Area(geometry) FROM u.zones ORDER BY gid
SELECT ST_PointN(ST_ExteriorRing(geometry), gid::int), ST_CollectionExtract(geometry, 3), chr(gid::int + 64) FROM u.plan ORDER BY gid
