-- SPDX-License-Identifier: Apache-2.0
-- What rules.yaml says, over a year of facts (facts.csv, people.csv): when each rule rose for whom.
-- Writes sql.csv: rule, client, moment; prints when it had loaded and judged, and the server's memory in KiB.
\set ON_ERROR_STOP on
\timing off
SET client_min_messages = warning;
SET work_mem = '256MB';
SET jit = off;
SET TIME ZONE 'Europe/Helsinki';

CREATE FUNCTION pg_temp.at(ms BIGINT) RETURNS TIMESTAMPTZ LANGUAGE sql IMMUTABLE AS
    $$SELECT to_timestamp(ms / 1000.0)$$;
-- By the clocks of Finland. Of the hour that comes twice in autumn a window ends in the first.
CREATE FUNCTION pg_temp.later(t TIMESTAMPTZ, months INTERVAL) RETURNS TIMESTAMPTZ LANGUAGE sql STABLE
    AS $$SELECT CASE WHEN (t + months - interval '1 hour')::timestamp = (t + months)::timestamp
        THEN t + months - interval '1 hour' ELSE t + months END$$;
CREATE UNLOGGED TABLE facts (client INT, start_ms BIGINT, end_ms BIGINT, kind TEXT, again INT,
    resource BIGINT, sector TEXT, class TEXT, status TEXT, profession TEXT, service TEXT,
    contact TEXT, system TEXT, code TEXT, unit TEXT);
CREATE UNLOGGED TABLE people (client INT PRIMARY KEY, birth_year INT);
\copy facts FROM 'facts.csv' CSV HEADER
\copy people FROM 'people.csv' CSV HEADER
ANALYZE facts;
ANALYZE people;
SELECT pg_temp.at(min(start_ms)) AS first, pg_temp.at(max(start_ms)) AS last FROM facts \gset
\echo loaded `date +%s.%N`

CREATE TEMP TABLE rules (rule INT, id TEXT, months INTERVAL, high INT, low INT);
INSERT INTO rules VALUES (1, 'emergency-visits', '12 months', 10, 10),
    (2, 'visits', '12 months', 11, 11), (3, 'no-shows', '12 months', 3, 3),
    (4, 'many-professions', '12 months', 6, 6), (5, 'many-services', '12 months', 4, 4),
    (6, 'concern', '12 months', 1, 1), (7, 'emergency-often', '3 months', 4, 2),
    (8, 'vague-reasons', '6 months', 4, 2);

-- Which facts each rule counts, and what it tells them apart by when it counts different ones.
CREATE TEMP VIEW firsts AS SELECT *, pg_temp.at(start_ms) AS t,
        kind IN ('visit', 'contact') AND contact NOT IN ('R60', 'R70', 'R71', 'R72') AS met
    FROM facts WHERE again = 0;
CREATE TEMP TABLE counted AS
    SELECT rule, client, t, pg_temp.later(t, months) AS leave, key FROM (
        SELECT 1 AS rule, client, t, NULL AS key FROM firsts
            WHERE met AND kind = 'visit' AND class = 'EMER'
        UNION ALL SELECT 2, client, t, NULL FROM firsts WHERE met
        UNION ALL SELECT 3, client, t, NULL FROM firsts WHERE status = 'noshow'
        UNION ALL SELECT 4, client, t, profession FROM firsts WHERE met AND profession <> ''
        UNION ALL SELECT 5, client, t, sector || service FROM firsts
            WHERE (met OR kind = 'clientship') AND service <> ''
        UNION ALL SELECT 6, client, t, NULL FROM firsts WHERE kind = 'concern'
        UNION ALL SELECT 7, client, t, NULL FROM firsts
            WHERE met AND kind = 'visit' AND class = 'EMER'
        UNION ALL SELECT 8, client, t, NULL FROM firsts WHERE kind = 'visit' AND system = 'icpc2'
            AND (code IN ('A01', 'A04', 'A05', 'A29') OR code BETWEEN 'P01' AND 'P04'
                OR code BETWEEN 'Z01' AND 'Z29')) f
    JOIN rules USING (rule);
ANALYZE counted;
CREATE TEMP TABLE adults AS SELECT client, make_date(birth_year + 18, 1, 1)::timestamptz AS adult
    FROM people;

-- Each thing counts from its first fact until the last one that overlaps has left.
CREATE TEMP TABLE changes AS SELECT rule, client, t, sum(n) AS n FROM (
        SELECT rule, client, t, 1 AS n FROM counted WHERE key IS NULL
        UNION ALL SELECT rule, client, leave, -1 FROM counted
            WHERE key IS NULL AND leave <= :'last'
        UNION ALL SELECT rule, client, unnest(ARRAY[CASE WHEN opens THEN t END,
                CASE WHEN closes THEN leave END]), unnest(ARRAY[1, -1])
            FROM (SELECT rule, client, t, leave, coalesce(lag(leave) OVER w < t, true) AS opens,
                    coalesce(lead(t) OVER w > leave, true) AS closes
                FROM counted WHERE key IS NOT NULL
                WINDOW w AS (PARTITION BY rule, client, key ORDER BY t)) k
            WHERE opens OR closes
        UNION ALL SELECT rule, client, adult, 0 FROM adults, rules WHERE adult >= :'first') c
    WHERE t <= :'last' GROUP BY rule, client, t;
ANALYZE changes;

-- On when it comes over the threshold, off when it is under the lower one, else as before.
CREATE TEMP TABLE firings AS SELECT rule, client, t FROM (
        SELECT *, is_on AND NOT coalesce(lag(is_on) OVER w, false) AS rises FROM (
            SELECT *, first_value(mark) OVER (PARTITION BY rule, client, marks ORDER BY t) AS is_on
            FROM (SELECT *, count(mark) OVER w AS marks FROM (
                    SELECT rule, client, t, CASE WHEN v < low OR t < adult THEN false
                        WHEN v >= high THEN true END AS mark
                    FROM (SELECT *, sum(n) OVER w AS v FROM changes
                        WINDOW w AS (PARTITION BY rule, client ORDER BY t)) counts
                    JOIN rules USING (rule) JOIN adults USING (client)) judged
                WINDOW w AS (PARTITION BY rule, client ORDER BY t)) marked) states
        WINDOW w AS (PARTITION BY rule, client ORDER BY t)) edges
    WHERE rises;
\echo judged `date +%s.%N`
\copy (SELECT id, client, (extract(epoch FROM t) * 1000)::BIGINT FROM firings JOIN rules USING (rule) ORDER BY 1, 2, 3) TO 'sql.csv' CSV
SELECT pg_backend_pid() AS pid \gset
\setenv PID :pid
\! echo memory $(grep VmHWM /proc/$PID/status | tr -dc 0-9)
