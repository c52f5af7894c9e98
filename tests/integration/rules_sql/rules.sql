-- SPDX-License-Identifier: Apache-2.0
-- What rules.yaml means, from the words of schemas/rules.schema.yaml alone, over the facts that are
-- left when all corrections are done; compared with what the engine said at each moment (probes).
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET work_mem = '128MB';
SET synchronous_commit = off;
SET jit = off;
\set day 86400000::bigint

CREATE TEMP TABLE facts (c BIGINT, kind TEXT, start_ms BIGINT, end_ms BIGINT, class TEXT,
    status TEXT, professions TEXT, codes TEXT, contact TEXT, concern TEXT, reporter TEXT);
CREATE TEMP TABLE people (c BIGINT, birth_year INT);
CREATE TEMP TABLE moments (phase INT, moment BIGINT);
CREATE TEMP TABLE probes (c BIGINT, rule INT, moment BIGINT, since BIGINT);
\copy facts FROM 'facts.tsv'
\copy people FROM 'people.tsv'
\copy moments FROM 'moments.tsv'
\copy probes FROM 'probes.tsv'
SELECT max(moment) AS last FROM moments \gset

-- What clocks in Finland show; the same so many months later, on the month's last day if need be; and
-- when they show it. Of the hour that comes twice in autumn AT TIME ZONE takes the second, a month's
-- end the first. What spring leaves out it reads by the clock before.
CREATE FUNCTION pg_temp.clock(ms BIGINT) RETURNS TIMESTAMP LANGUAGE sql STABLE AS
    $$SELECT to_timestamp(ms / 1000.0) AT TIME ZONE 'Europe/Helsinki'$$;
CREATE FUNCTION pg_temp.second(at TIMESTAMP) RETURNS BIGINT LANGUAGE sql STABLE AS
    $$SELECT (extract(epoch FROM at AT TIME ZONE 'Europe/Helsinki') * 1000)::BIGINT$$;
CREATE FUNCTION pg_temp.first(at TIMESTAMP) RETURNS BIGINT LANGUAGE sql STABLE AS
    $$SELECT CASE WHEN pg_temp.clock(pg_temp.second(at) - 3600000) = at
        THEN pg_temp.second(at) - 3600000 ELSE pg_temp.second(at) END$$;
CREATE FUNCTION pg_temp.months_later(ms BIGINT, months INT) RETURNS BIGINT LANGUAGE sql STABLE AS
    $$SELECT pg_temp.first(pg_temp.clock(ms) + make_interval(months => months))$$;
CREATE FUNCTION pg_temp.midnight(day DATE) RETURNS BIGINT LANGUAGE sql STABLE AS
    $$SELECT pg_temp.second(day::timestamp)$$;
CREATE FUNCTION pg_temp.local_day(ms BIGINT) RETURNS DATE LANGUAGE sql STABLE AS
    $$SELECT pg_temp.clock(ms)::DATE$$;

-- Withdrawn ones never count.
CREATE TEMP TABLE live AS SELECT row_number() OVER () AS fact, * FROM facts
    WHERE status NOT IN ('cancelled', 'entered-in-error');
CREATE INDEX ON live (c, kind, start_ms);
ANALYZE live;
CREATE TEMP VIEW visits AS SELECT * FROM live WHERE kind = 'visit';
CREATE TEMP VIEW emergencies AS SELECT * FROM visits
    WHERE class = 'EMER' AND contact NOT IN ('R60', 'R70', 'R71', 'R72');
CREATE TEMP VIEW stays AS SELECT * FROM visits WHERE class = 'IMP';
CREATE TEMP VIEW noshows AS SELECT * FROM live WHERE kind = 'appointment' AND status = 'noshow';
CREATE TEMP VIEW contacts AS SELECT * FROM live WHERE kind = 'contact';
CREATE TEMP VIEW clientships AS SELECT * FROM live WHERE kind = 'clientship';
-- Each code of a fact once, at most six: the first of each system, then the first of the others.
CREATE TEMP TABLE coded AS SELECT fact, system, code FROM
    (SELECT *, row_number() OVER (PARTITION BY fact ORDER BY nth > 1, place) AS rank FROM
        (SELECT *, row_number() OVER (PARTITION BY fact, system ORDER BY place) AS nth FROM
            (SELECT fact, split_part(name, ':', 1) AS system, split_part(name, ':', 2) AS code,
                min(place) AS place
            FROM live, unnest(string_to_array(codes, ' ')) WITH ORDINALITY told (name, place)
            GROUP BY fact, name) once) first_of_system) ranked
    WHERE rank <= 6;
CREATE INDEX ON coded (fact);
ANALYZE coded;
-- Each profession of those who took part once, at most the first five.
CREATE TEMP TABLE took_part AS SELECT fact, profession FROM
    (SELECT fact, profession, row_number() OVER (PARTITION BY fact ORDER BY min(place)) AS nth
        FROM live, unnest(string_to_array(professions, ' ')) WITH ORDINALITY told (profession, place)
        GROUP BY fact, profession) once
    WHERE nth <= 5;
CREATE INDEX ON took_part (fact);
ANALYZE took_part;
CREATE TEMP VIEW vague AS SELECT * FROM visits WHERE fact IN (SELECT fact FROM coded
    WHERE system = 'icpc2' AND left(code, 3) IN ('A04', 'A05', 'A29')
       OR system = 'icd10' AND left(code, 3) BETWEEN 'R50' AND 'R69');
-- The codes that are asked for. Beside a diagnosis ICPC-2 says the same.
CREATE TEMP VIEW asked AS SELECT * FROM coded
    WHERE system = 'icpc2' AND left(code, 3) BETWEEN 'A04' AND 'A05'
       OR system = 'icd10' AND (left(code, 3) BETWEEN 'R69' AND 'R70' OR left(code, 3) = 'I10')
       OR system = 'social' AND code = '12';
CREATE TEMP VIEW matters AS SELECT * FROM asked WHERE system <> 'icpc2'
    OR NOT EXISTS (SELECT FROM asked other WHERE other.fact = asked.fact AND other.system = 'icd10');

-- From when to when each thing counts. No `leave`: for ever.
CREATE TEMP TABLE spans (rule INT, leaf INT, c BIGINT, enter BIGINT, leave BIGINT, code TEXT,
    amount BIGINT NOT NULL DEFAULT 1);
INSERT INTO spans SELECT 1, 1, c, start_ms, pg_temp.months_later(start_ms, 12) FROM emergencies;
INSERT INTO spans SELECT 2, 1, c, start_ms, start_ms + 90 * :day, profession
    FROM visits JOIN took_part USING (fact);
INSERT INTO spans SELECT 3, 1, v.c, v.start_ms, pg_temp.months_later(max(n.start_ms), 3)
    FROM (SELECT row_number() OVER () AS n, * FROM visits) v JOIN noshows n ON n.c = v.c
        AND n.start_ms < v.start_ms AND v.start_ms - n.start_ms <= 40 * :day
    GROUP BY v.n, v.c, v.start_ms;
INSERT INTO spans SELECT 4, 1, c, start_ms + 60 * :day,
    lead(start_ms) OVER (PARTITION BY c ORDER BY start_ms) FROM visits;
-- What has no end goes on while its status says so.
CREATE TEMP VIEW going AS SELECT rule, leaf, c, start_ms AS enter, CASE WHEN end_ms IS NOT NULL
        THEN end_ms WHEN status IN ('active', 'in-progress') THEN NULL ELSE start_ms END AS leave
    FROM (SELECT 4 AS rule, 2 AS leaf, * FROM clientships UNION ALL SELECT 7, 4, * FROM clientships
        UNION ALL SELECT 8, 2, * FROM stays) f;
INSERT INTO spans SELECT *, NULL FROM going;
INSERT INTO spans SELECT 5, 1, c, enter, pg_temp.months_later(enter, 6) FROM
    (SELECT c, day, min(greatest(start_ms, pg_temp.midnight(day::DATE))) AS enter FROM
        (SELECT c, start_ms, greatest(start_ms, coalesce(end_ms - 1, CASE status
            WHEN 'in-progress' THEN :last ELSE start_ms END)) AS until_ms FROM stays) s,
        generate_series(pg_temp.local_day(start_ms)::timestamp,
            pg_temp.local_day(until_ms)::timestamp, interval '1 day') day GROUP BY c, day) d;
INSERT INTO spans SELECT 6, 1, c, start_ms, pg_temp.months_later(start_ms, 4) FROM visits;
INSERT INTO spans SELECT 6, 2, c, pg_temp.months_later(start_ms, 4),
    pg_temp.months_later(start_ms, 8) FROM visits;
INSERT INTO spans SELECT 6, 3, c, start_ms, pg_temp.months_later(start_ms, 5) FROM contacts;
INSERT INTO spans SELECT 6, 4, c, pg_temp.months_later(start_ms, 5),
    pg_temp.months_later(start_ms, 10) FROM contacts;
INSERT INTO spans SELECT 7, 1, c, start_ms, pg_temp.months_later(start_ms, 6) FROM vague;
INSERT INTO spans SELECT 7, 2, c, start_ms, start_ms + 100 * :day FROM noshows;
INSERT INTO spans SELECT 7, 3, c, start_ms, pg_temp.months_later(start_ms, 2) FROM contacts;
INSERT INTO spans SELECT 8, 1, c, start_ms, pg_temp.months_later(start_ms, 9) FROM stays;
INSERT INTO spans SELECT 8, 3, c, start_ms, pg_temp.months_later(start_ms, 5) FROM contacts;
INSERT INTO spans SELECT 8, 4, v.c, v.start_ms, pg_temp.months_later(max(k.start_ms), 12)
    FROM (SELECT row_number() OVER () AS n, * FROM visits) v
    JOIN noshows n ON n.c = v.c AND n.start_ms < v.start_ms
    JOIN contacts k ON k.c = v.c AND k.start_ms < n.start_ms
        AND v.start_ms - k.start_ms <= 200 * :day
    GROUP BY v.n, v.c, v.start_ms;
-- Each day of a stay costs, and other visits and contacts once.
INSERT INTO spans SELECT 9, 1, c, enter, pg_temp.months_later(enter, 8), NULL, 400 FROM
    (SELECT c, greatest(start_ms, pg_temp.midnight(day::DATE)) AS enter FROM
        (SELECT c, start_ms, greatest(start_ms, coalesce(end_ms - 1, CASE status
            WHEN 'in-progress' THEN :last ELSE start_ms END)) AS until_ms FROM stays) s,
        generate_series(pg_temp.local_day(start_ms)::timestamp,
            pg_temp.local_day(until_ms)::timestamp, interval '1 day') day) d;
INSERT INTO spans SELECT 9, 1, c, start_ms, pg_temp.months_later(start_ms, 8), NULL, CASE
        WHEN kind = 'contact' THEN 50
        WHEN class = 'EMER' AND contact NOT IN ('R60', 'R70', 'R71', 'R72') THEN 300 ELSE 120 END
    FROM live WHERE kind IN ('visit', 'contact') AND class <> 'IMP';
INSERT INTO spans SELECT 9, 2, c, start_ms, start_ms + 120 * :day, profession
    FROM visits JOIN took_part USING (fact) WHERE profession IN ('p1', 'p2', 'p3', 'p4');
INSERT INTO spans SELECT 9, 3, c, start_ms, pg_temp.months_later(start_ms, 10) FROM live
    WHERE kind = 'concern' AND reporter IN ('client', 'relative')
        AND concern IN ('loneliness', 'money');
INSERT INTO spans SELECT 10, 1, c, start_ms, pg_temp.months_later(start_ms, 5), system || code
    FROM visits JOIN coded USING (fact);
INSERT INTO spans SELECT 10, 2, c, start_ms, start_ms + 150 * :day, system || code
    FROM live JOIN matters USING (fact) WHERE kind IN ('visit', 'contact');
DELETE FROM spans WHERE enter >= leave;
CREATE INDEX ON spans (c, rule);
ANALYZE spans;

-- Nothing changes between these.
CREATE TEMP TABLE firsts AS SELECT c, min(start_ms) AS first_ms FROM live GROUP BY c;
CREATE TEMP TABLE times AS SELECT rule, c, t FROM (
        SELECT rule, c, enter AS t FROM spans UNION SELECT rule, c, leave FROM spans
        UNION SELECT rule, c, first_ms FROM firsts, generate_series(1, 10) rule
        UNION SELECT 1, c, pg_temp.midnight(make_date(birth_year + 18, 1, 1)) FROM people) all_times
    JOIN firsts USING (c) WHERE t >= first_ms AND t <= :last;
ANALYZE times;

CREATE TEMP TABLE changes AS SELECT rule, c, t,
        sum(n) FILTER (WHERE leaf = 1) AS d1, sum(n) FILTER (WHERE leaf = 2) AS d2,
        sum(n) FILTER (WHERE leaf = 3) AS d3, sum(n) FILTER (WHERE leaf = 4) AS d4
    FROM (SELECT rule, leaf, c, enter AS t, amount AS n FROM spans
        UNION ALL SELECT rule, leaf, c, leave, -amount FROM spans WHERE leave IS NOT NULL
        UNION ALL SELECT rule, 0, c, t, 0 FROM times) one WHERE t <= :last GROUP BY rule, c, t;
CREATE TEMP TABLE codes AS SELECT rule, c, t, count(DISTINCT code) AS codes
    FROM times JOIN spans USING (rule, c)
    WHERE (rule, leaf) IN ((2, 1), (10, 2)) AND enter <= t AND leave > t GROUP BY rule, c, t;
CREATE TEMP TABLE same AS SELECT rule, c, t, max(n) AS same FROM
    (SELECT rule, c, t, count(*) AS n FROM times JOIN spans USING (rule, c)
        WHERE (rule, leaf) IN ((9, 2), (10, 1)) AND enter <= t AND leave > t GROUP BY rule, c, t, code) one
    GROUP BY rule, c, t;
CREATE TEMP TABLE held AS SELECT rule, c, t, codes, same, coalesce(sum(d1) OVER w, 0) AS v1,
        coalesce(sum(d2) OVER w, 0) AS v2, coalesce(sum(d3) OVER w, 0) AS v3,
        coalesce(sum(d4) OVER w, 0) AS v4
    FROM changes LEFT JOIN codes USING (rule, c, t) LEFT JOIN same USING (rule, c, t)
    WINDOW w AS (PARTITION BY rule, c ORDER BY t);
ANALYZE held;
CREATE TEMP TABLE judged AS SELECT rule, c, t,
    CASE rule
        WHEN 1 THEN v1 >= 3 AND is_adult WHEN 2 THEN codes >= 3 WHEN 3 THEN v1 >= 2
        WHEN 4 THEN v1 > 0 AND v2 > 0 WHEN 5 THEN v1 >= 10 
        WHEN 6 THEN v1 >= 3 AND v1 >= 2 * v2 OR v3 >= 2 AND 2 * v3 >= 3 * v4
        WHEN 7 THEN v4 = 0 AND 3 * (v1 >= 2)::INT + 2 * (v2 >= 1)::INT + 2 * (v3 = 0)::INT >= 5
        WHEN 8 THEN (v1 >= 2 OR v2 > 0)::INT + (v3 < 2)::INT + (v4 > 0)::INT >= 2
        WHEN 9 THEN v1 >= 2000 OR same >= 4 OR v3 >= 2 WHEN 10 THEN same >= 4 OR codes >= 4
    END AS rises,
    CASE rule
        WHEN 1 THEN v1 >= 2 AND is_adult WHEN 2 THEN codes >= 2 WHEN 3 THEN v1 >= 1
        WHEN 4 THEN v1 > 0 AND v2 > 0 WHEN 5 THEN v1 >= 7 
        WHEN 6 THEN v1 >= 2 AND v1 >= 2 * v2 OR v3 >= 1 AND 2 * v3 >= 3 * v4
        WHEN 7 THEN v4 = 0 AND 3 * (v1 >= 1)::INT + 2 * (v2 >= 1)::INT + 2 * (v3 = 0)::INT >= 4
        WHEN 8 THEN (v1 >= 2 OR v2 > 0)::INT + (v3 < 2)::INT + (v4 > 0)::INT >= 2
        WHEN 9 THEN v1 >= 1500 OR same >= 3 OR v3 >= 1 WHEN 10 THEN same >= 3 OR codes >= 3
    END AS stays
    FROM (SELECT rule, c, t, coalesce(v1, 0) AS v1, coalesce(v2, 0) AS v2, coalesce(v3, 0) AS v3,
            coalesce(v4, 0) AS v4, coalesce(codes, 0) AS codes, coalesce(same, 0) AS same, birth_year IS NULL OR
            t >= pg_temp.midnight(make_date(birth_year + 18, 1, 1)) AS is_adult
        FROM times LEFT JOIN held USING (rule, c, t) LEFT JOIN people USING (c)) v;

-- Each rule and client: rises, ends, cools down and expires, from one time to the next.
CREATE TEMP TABLE steps AS SELECT c * 16 + rule - 1 AS k,
        row_number() OVER w AS i, t, lead(t) OVER w AS next_t, rises, stays
    FROM judged WINDOW w AS (PARTITION BY rule, c ORDER BY t);
-- Where it never holds there is nothing to walk.
DELETE FROM steps WHERE k NOT IN (SELECT k FROM steps WHERE rises);
CREATE UNIQUE INDEX ON steps (k, i) INCLUDE (t, next_t, rises, stays);
ANALYZE steps;
CREATE TEMP TABLE states AS
WITH RECURSIVE
    memory (rule, cool_days, expires_months) AS (VALUES (1, 45, 5), (5, 20, NULL::INT)),
    walk AS (
        SELECT k, i, t, next_t, rises AS is_on, t AS since, NULL::BIGINT AS cool FROM steps WHERE i = 1
        UNION ALL
        SELECT n.k, n.i, n.now, n.next_t,
            CASE WHEN n.was_on AND NOT n.ends THEN true
                ELSE n.rises AND n.now >= coalesce(n.cooled, n.now) END,
            CASE WHEN n.was_on AND NOT n.ends THEN n.since ELSE n.now END, n.cooled
        FROM (
            SELECT s.k, s.i, w.is_on AS was_on, w.since, later.now, s.next_t, s.rises,
                w.is_on AND (later.now >= later.expires IS TRUE OR NOT s.stays) AS ends,
                CASE WHEN w.is_on AND (later.now >= later.expires IS TRUE OR NOT s.stays)
                    THEN later.now + m.cool_days * 86400000::BIGINT ELSE w.cool END AS cooled
            FROM walk w LEFT JOIN memory m ON m.rule = w.k % 16 + 1
            CROSS JOIN LATERAL (SELECT pg_temp.months_later(w.since, m.expires_months) AS ends_at,
                CASE WHEN w.is_on THEN pg_temp.months_later(w.since, m.expires_months)
                    WHEN w.cool > w.t THEN w.cool END AS timer) a
            CROSS JOIN LATERAL (SELECT least(w.next_t, a.timer) AS now, a.ends_at AS expires) later
            JOIN steps s ON s.k = w.k
                AND s.i = w.i + CASE WHEN later.now = w.next_t THEN 1 ELSE 0 END
            WHERE later.now <= :last) n)
SELECT k, t, is_on, since, lead(t) OVER (PARTITION BY k ORDER BY t) AS until_t FROM walk WHERE t <= :last;

CREATE TEMP TABLE expected AS SELECT k / 16 AS c, (k % 16 + 1)::INT AS rule, moment, since
    FROM states JOIN moments ON moment >= t AND (until_t IS NULL OR moment < until_t)
        AND phase = (k / 16) % 2
    WHERE is_on;
-- The engine follows so many days of stays, the newest, and stays that go on 400 days ahead.
CREATE TEMP TABLE crowded AS SELECT c FROM spans WHERE rule = 9 AND leaf = 1 GROUP BY c
    HAVING count(*) + 400 * (SELECT count(*) FROM stays WHERE stays.c = spans.c
        AND status = 'in-progress' AND end_ms IS NULL) > 4096;
DELETE FROM expected WHERE rule = 9 AND c IN (SELECT c FROM crowded);
DELETE FROM probes WHERE rule = 9 AND c IN (SELECT c FROM crowded);
-- What sets the clocks of Finland apart from UTC's is among the windows' ends.
CREATE TEMP TABLE ends AS SELECT pg_temp.clock(start_ms) + length AS finnish,
        timestamp '1970-01-01' + start_ms * interval '1 millisecond' + length AS utc
    FROM live, unnest(ARRAY[2, 3, 4, 5, 6, 8, 9, 10, 12]) m, make_interval(months => m) length;
CREATE TEMP TABLE apart AS SELECT
    count(*) FILTER (WHERE abs(extract(epoch FROM
        finnish AT TIME ZONE 'Europe/Helsinki' - utc AT TIME ZONE 'UTC')) > 7200) AS days,
    count(*) FILTER (WHERE pg_temp.clock(pg_temp.second(finnish)) <> finnish) AS left_out,
    count(*) FILTER (WHERE pg_temp.first(finnish) <> pg_temp.second(finnish)) AS twice FROM ends;
\pset format unaligned
\pset tuples_only on
SELECT 'triggers at moments, expected: ' || (SELECT count(*) FROM expected) || ', told: '
    || (SELECT count(*) FROM probes);
SELECT 'windows that end a day and more from where they end in UTC: ' || days || ', in the hour that '
    || 'spring leaves out: ' || left_out || ', in the one that autumn has twice: ' || twice FROM apart;
SELECT 'left out of rule 9: ' || count(*) || ' clients' FROM crowded;
SELECT 'rule ' || rule || ': ' || count(*) || ' over ' || count(DISTINCT c) || ' clients'
    FROM expected GROUP BY rule ORDER BY rule;
SELECT 'MISSING client ' || c || ' rule ' || rule || ' at ' || moment || ' since ' || since FROM
    (SELECT * FROM expected EXCEPT SELECT * FROM probes) x ORDER BY 1 LIMIT 20;
SELECT 'TOO MUCH client ' || c || ' rule ' || rule || ' at ' || moment || ' since ' || since FROM
    (SELECT * FROM probes EXCEPT SELECT * FROM expected) x ORDER BY 1 LIMIT 20;
SELECT 'differences by rule ' || rule || ': ' || count(*) FROM (
    (SELECT * FROM expected EXCEPT SELECT * FROM probes) UNION ALL
    (SELECT * FROM probes EXCEPT SELECT * FROM expected)) x GROUP BY rule ORDER BY rule;
DO $$
BEGIN
    IF EXISTS (SELECT * FROM expected EXCEPT SELECT * FROM probes)
        OR EXISTS (SELECT * FROM probes EXCEPT SELECT * FROM expected) THEN
        RAISE EXCEPTION 'the engine and SQL do not agree';
    END IF;
    IF EXISTS (SELECT * FROM apart WHERE days = 0 OR left_out = 0 OR twice = 0) THEN
        RAISE EXCEPTION 'no window ends where the clocks of Finland and of UTC differ';
    END IF;
    IF (SELECT count(DISTINCT rule) FROM expected) < 10 THEN
        RAISE EXCEPTION 'a rule never held: the streams are too poor';
    END IF;
END $$;
