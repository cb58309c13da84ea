-- What the reader of PostgreSQL says of statements: a line "-- safe" or "-- destructive: words" before
-- each, where the words stand in a reason. A statement goes on to the next such line. To add one, write
-- it here; what is called safe is also run against a real server, on the tables of postgres_fixture.sql,
-- and must change nothing there.

-- safe
SELECT 1;

-- safe
SELECT;

-- safe
select id, name from customers where id = 5;

-- safe
(SELECT 1);

-- safe
((SELECT 1) UNION ALL (SELECT 2));

-- safe
SELECT count(*) FROM orders;

-- safe
SELECT * FROM customers;

-- safe
SELECT o.* FROM orders AS o;

-- safe
TABLE customers;

-- safe
TABLE ONLY customers;

-- safe
VALUES (1, 'a'), (2, 'b');

-- safe
VALUES (1), (2) ORDER BY 1 LIMIT 1;

-- safe
SELECT ALL id FROM orders;

-- safe
SELECT DISTINCT status FROM orders;

-- safe
SELECT DISTINCT ON (customer_id) customer_id, total FROM orders ORDER BY customer_id, total DESC;

-- safe
SELECT a.id FROM orders a JOIN customers b ON a.customer_id = b.id;

-- safe
SELECT a.id FROM orders a LEFT OUTER JOIN customers b USING (id);

-- safe
SELECT a.id FROM orders a JOIN customers b USING (id) AS u;

-- safe
SELECT 1 FROM orders NATURAL JOIN customers;

-- safe
SELECT 1 FROM orders CROSS JOIN customers;

-- safe
SELECT 1 FROM orders FULL JOIN customers ON false;

-- safe
SELECT 1 FROM orders, customers WHERE orders.customer_id = customers.id;

-- safe
SELECT 1 FROM orders o, LATERAL (SELECT name FROM customers c WHERE c.id = o.customer_id) x;

-- safe
SELECT 1 FROM ONLY orders;

-- safe
SELECT 1 FROM orders TABLESAMPLE system (10);

-- safe
SELECT 1 FROM orders TABLESAMPLE BERNOULLI (10) REPEATABLE (7);

-- safe
SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4;

-- safe
SELECT 1 UNION ALL SELECT 2 ORDER BY 1 LIMIT 1 OFFSET 1;

-- safe
WITH x AS (SELECT 1) SELECT * FROM x;

-- safe
WITH x (a, b) AS (VALUES (1, 2)) SELECT a + b FROM x;

-- safe
WITH x AS MATERIALIZED (SELECT 1 AS a), y AS NOT MATERIALIZED (SELECT a FROM x) SELECT * FROM y;

-- safe
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t;

-- safe
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SEARCH DEPTH FIRST BY n SET o SELECT * FROM t;

-- safe
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) CYCLE n SET is_cycle USING path SELECT * FROM t;

-- safe
SELECT * FROM (SELECT 1 AS a) AS t;

-- safe
SELECT * FROM (VALUES (1), (2)) AS v (n);

-- safe
SELECT (SELECT max(id) FROM orders);

-- safe
SELECT EXISTS (SELECT 1 FROM orders WHERE total > 5);

-- safe
SELECT id FROM orders WHERE id IN (SELECT id FROM customers);

-- safe
SELECT id FROM orders WHERE id NOT IN (1, 2, 3);

-- safe
SELECT id FROM orders WHERE id = ANY (ARRAY[1, 2]);

-- safe
SELECT id FROM orders WHERE id = ANY ('{1,2}'::bigint[]);

-- safe
SELECT id FROM orders WHERE id > ALL (SELECT id FROM customers);

-- safe
SELECT id FROM orders WHERE (id, customer_id) = (1, 2);

-- safe
SELECT id FROM orders WHERE ROW(id, total) < ROW(1, 2.5);

-- safe
SELECT id FROM orders WHERE total BETWEEN 1 AND 2;

-- safe
SELECT id FROM orders WHERE total NOT BETWEEN SYMMETRIC 2 AND 1;

-- safe
SELECT id FROM orders WHERE status LIKE 'p%';

-- safe
SELECT id FROM orders WHERE status NOT ILIKE 'p%' ESCAPE '!';

-- safe
SELECT id FROM orders WHERE status SIMILAR TO '(a|b)%';

-- safe
SELECT id FROM orders WHERE status ~ '^p' AND status !~* 'q';

-- safe
SELECT id FROM orders WHERE status IS NULL OR note IS NOT NULL;

-- safe
SELECT id FROM orders WHERE active IS TRUE AND active IS NOT UNKNOWN;

-- safe
SELECT id FROM orders WHERE status IS DISTINCT FROM 'paid';

-- safe
SELECT id FROM orders WHERE note ISNULL OR note NOTNULL;

-- safe
SELECT id FROM orders WHERE NOT active;

-- safe
SELECT CASE WHEN total > 1 THEN 'big' ELSE 'small' END FROM orders;

-- safe
SELECT CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 2 END FROM orders;

-- safe
SELECT coalesce(note, 'none'), nullif(total, 0), greatest(1, 2), least(1, 2) FROM orders;

-- safe
SELECT total::int, CAST(total AS text), total::numeric(12,4), id::bigint FROM orders;

-- safe
SELECT '2026-01-01'::date, date '2026-01-01', timestamp '2026-01-01 10:00', interval '1 day';

-- safe
SELECT '{1,2}'::int[], '{}'::jsonb, 'a'::varchar(5), B'101', X'1F', E'a\n', U&'\0061', $$a$$, $x$b$x$;

-- safe
SELECT 'orders'::regclass, 'int4'::regtype, 'now'::regproc;

-- safe
SELECT 1::pg_catalog.int4, 1::"char", '1'::oid, '(1,2)'::point, '1.2.3.4'::inet;

-- safe
SELECT 'a'::information_schema.sql_identifier;

-- safe
SELECT 'a' COLLATE "C" < 'b';

-- safe
SELECT now() AT TIME ZONE 'UTC', current_date, current_timestamp, localtime(0), current_user, session_user;

-- safe
SELECT extract(epoch FROM created_at), date_trunc('day', created_at), age(created_at) FROM orders;

-- safe
SELECT to_char(created_at, 'YYYY-MM'), to_date('2026', 'YYYY'), make_date(2026, 1, 1) FROM orders;

-- safe
SELECT position('x' IN note), substring(note FROM 1 FOR 3), trim(both 'x' FROM note), overlay(note placing 'a' from 1) FROM orders;

-- safe
SELECT lower(name), upper(name), initcap(name), length(name), left(name, 3), right(name, 2), reverse(name) FROM customers;

-- safe
SELECT concat(name, email), concat_ws(',', name, email), format('%s', name), split_part(email, '@', 2) FROM customers;

-- safe
SELECT regexp_replace(name, 'a', 'b'), regexp_match(name, 'a'), regexp_split_to_array(name, ',') FROM customers;

-- safe
SELECT md5(name), sha256('x'::bytea), encode('x'::bytea, 'hex'), decode('00', 'hex') FROM customers;

-- safe
SELECT abs(-1), round(1.5), ceil(1.2), floor(1.2), power(2, 3), sqrt(4), mod(5, 2), 5 % 2, 2 ^ 3, |/ 4, @ -1;

-- safe
SELECT random(), gen_random_uuid(), clock_timestamp(), statement_timestamp();

-- safe
SELECT sum(total), avg(total), min(total), max(total), count(DISTINCT status) FROM orders;

-- safe
SELECT status, count(*) FILTER (WHERE active) FROM orders GROUP BY status HAVING count(*) > 1;

-- safe
SELECT array_agg(id ORDER BY total DESC), string_agg(status, ',') FROM orders;

-- safe
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders;

-- safe
SELECT row_number() OVER (PARTITION BY status ORDER BY total), lag(total) OVER w FROM orders WINDOW w AS (ORDER BY id);

-- safe
SELECT sum(total) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM orders;

-- safe
SELECT status, active, count(*) FROM orders GROUP BY GROUPING SETS ((status), (active), ());

-- safe
SELECT status, grouping(status), count(*) FROM orders GROUP BY ROLLUP (status);

-- safe
SELECT status, count(*) FROM orders GROUP BY CUBE (status, active);

-- safe
SELECT status FROM orders GROUP BY DISTINCT ROLLUP (status), ROLLUP (active);

-- safe
SELECT id FROM orders ORDER BY total DESC NULLS LAST, id ASC LIMIT 10 OFFSET 20;

-- safe
SELECT id FROM orders ORDER BY id USING <;

-- safe
SELECT id FROM orders ORDER BY id FETCH FIRST 5 ROWS WITH TIES;

-- safe
SELECT id FROM orders LIMIT ALL;

-- safe
SELECT id FROM orders WHERE id = $1;

-- safe
SELECT data->'a', data->>'a', data#>'{a,b}', data#>>'{a}', data @> '{"a": 1}', data ? 'a', data ?| array['a'] FROM customers;

-- safe
SELECT data || '{}'::jsonb, data - 'a', data #- '{a}', data @? '$.a', data @@ '$.a > 1' FROM customers;

-- safe
SELECT jsonb_path_query(data, '$.a'), jsonb_array_elements('[1]'::jsonb), jsonb_build_object('a', 1) FROM customers;

-- safe
SELECT * FROM jsonb_each('{"a": 1}'::jsonb) AS e(k, v);

-- safe
SELECT * FROM json_to_record('{"a": 1}') AS x(a int, b text);

-- safe
SELECT * FROM jsonb_to_recordset('[{"a": 1}]') AS x(a int);

-- safe
SELECT tags[1], tags[1:2], tags || 'z'::text, array_length(tags, 1), tags && ARRAY['x'], 'x' = ANY (tags) FROM customers;

-- safe
SELECT unnest(tags) FROM customers;

-- safe
SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) WITH ORDINALITY AS u(a, b, n);

-- safe
SELECT * FROM generate_series(1, 3) AS g(n);

-- safe
SELECT * FROM generate_series(timestamp '2026-01-01', '2026-01-03', '1 day');

-- safe
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r(a, b);

-- safe
SELECT to_tsvector('english', name) @@ to_tsquery('english', 'x'), ts_rank(to_tsvector(name), plainto_tsquery('x')) FROM customers;

-- safe
SELECT int4range(1, 5) @> 3, int4range(1, 5) && int4range(2, 3), lower(int4range(1, 5));

-- safe
SELECT int4multirange(int4range(1, 2)), range_agg(int4range(1, 2));

-- safe
SELECT '192.168.0.0/24'::inet >> '192.168.0.1'::inet, host('1.2.3.4'::inet);

-- safe
SELECT point(1, 2) <-> point(3, 4), box(point(0,0), point(1,1)) && box(point(0,0), point(1,1));

-- safe
SELECT xmlelement(name a, xmlattributes(1 AS b), 'c'), xmlforest(1 AS a), xmlconcat('<a/>'::xml, '<b/>'::xml);

-- safe
SELECT xpath('/a/text()', '<a>1</a>'::xml), xmlserialize(content '<a/>'::xml AS text), '<a/>'::xml IS DOCUMENT;

-- safe
SELECT * FROM xmltable('/r' PASSING ('<r><a>1</a></r>'::xml) COLUMNS a int PATH 'a');

-- safe
SELECT current_database(), current_schema(), version(), pg_backend_pid(), inet_client_addr();

-- safe
SELECT current_schema, current_catalog, current_role, user;

-- safe
SELECT pg_size_pretty(pg_total_relation_size('orders')), pg_relation_size('orders'), pg_table_size('orders'), pg_indexes_size('orders');

-- safe
SELECT pg_database_size(current_database()), pg_column_size(1);

-- safe
SELECT pg_get_viewdef('recent_orders'::regclass), pg_get_indexdef('orders_status'::regclass);

-- safe
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint;

-- safe
SELECT relname, n_live_tup, n_dead_tup, last_vacuum FROM pg_stat_user_tables;

-- safe
SELECT pid, state, wait_event FROM pg_stat_activity WHERE state <> 'idle';

-- safe
SELECT * FROM pg_locks WHERE NOT granted;

-- safe
SELECT pg_blocking_pids(pid) FROM pg_stat_activity;

-- safe
SELECT * FROM pg_stat_replication;

-- safe
SELECT * FROM pg_replication_slots;

-- safe
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots;

-- safe
SELECT * FROM pg_indexes WHERE tablename = 'orders';

-- safe
SELECT * FROM information_schema.columns WHERE table_name = 'orders';

-- safe
SELECT * FROM information_schema.tables;

-- safe
SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'r';

-- safe
SELECT rolname, rolsuper FROM pg_roles;

-- safe
SELECT usename FROM pg_user;

-- safe
SELECT extname, extversion FROM pg_extension;

-- safe
SELECT * FROM pg_available_extensions;

-- safe
SELECT * FROM pg_stat_database;

-- safe
SELECT * FROM pg_stat_subscription;

-- safe
SELECT * FROM pg_stat_progress_vacuum;

-- safe
SELECT has_table_privilege('orders', 'SELECT'), pg_has_role('pg_monitor', 'member');

-- safe
SELECT current_setting('server_version'), current_setting('work_mem', true);

-- safe
SELECT obj_description('orders'::regclass), col_description('orders'::regclass, 1);

-- safe
SELECT to_regclass('public.orders'), format_type(23, NULL), pg_typeof(1);

-- safe
SELECT pg_is_in_recovery(), pg_postmaster_start_time(), pg_conf_load_time();

-- safe
SELECT txid_current_if_assigned(), pg_current_xact_id_if_assigned(), pg_current_snapshot();

-- safe
SELECT pg_catalog.lower('X'), pg_catalog.now(), 1 OPERATOR(pg_catalog.+) 2;

-- safe
SELECT "lower"('X');

-- safe
SELECT count (1), now ();

-- safe
SELECT age(datfrozenxid) FROM pg_database;

-- safe
SELECT pg_encoding_to_char(encoding) FROM pg_database;

-- safe
SELECT * FROM pg_partition_tree('parts');

-- safe
SELECT * FROM pg_control_checkpoint();

-- safe
SELECT customers FROM customers;

-- safe
SELECT (customers).name FROM customers;

-- safe
SELECT (customers).* FROM customers;

-- safe
SELECT row_to_json(customers) FROM customers;

-- safe
SELECT to_jsonb(c) FROM customers c;

-- safe
SELECT json_agg(c) FROM customers c;

-- safe
SELECT c.*::text FROM customers c;

-- safe
SELECT ARRAY(SELECT id FROM orders), ARRAY[[1,2],[3,4]];

-- safe
SELECT NULL, TRUE, FALSE, 1.5, 1e5, -1, +1, .5, 5.;

-- safe
SELECT 1 AS "select", 2 AS where, 3 "Mixed Case";

-- safe
SELECT 'DELETE FROM orders; -- it''s text';

-- safe
/* a note */ SELECT /* DELETE FROM orders */ 1 -- end;

-- safe
-- c
SELECT 1;

-- safe
SELECT id FROM orders -- DELETE FROM orders;

-- safe
/* /* nested; DELETE FROM orders */ */ SELECT 1;

-- safe
SELECT $tag$; DROP TABLE orders; $tag$;

-- safe
SELECT $$DELETE FROM orders$$ || $a$;$a$;

-- safe
SELECT 1 +++ 2;

-- safe
SELECT 'a\nb';

-- safe
SELECT 1;

-- safe
SELECT 1;;

-- safe
;SELECT 1;

-- safe
EXPLAIN SELECT 1;

-- safe
EXPLAIN VERBOSE SELECT * FROM orders;

-- safe
EXPLAIN (SELECT 1);

-- safe
EXPLAIN (FORMAT json, VERBOSE true, COSTS off) SELECT * FROM orders;

-- safe
EXPLAIN (ANALYZE false) SELECT * FROM orders;

-- safe
EXPLAIN (ANALYZE, ANALYZE off) SELECT * FROM orders;

-- safe
EXPLAIN (ANALYZE on, VERBOSE, ANALYZE 0) SELECT * FROM orders;

-- safe
EXPLAIN (BUFFERS, SETTINGS, SUMMARY) SELECT 1;

-- safe
EXPLAIN WITH x AS (SELECT 1) SELECT * FROM x;

-- safe
EXPLAIN VALUES (1);

-- safe
EXPLAIN TABLE orders;

-- safe
SHOW max_connections;

-- safe
SHOW TIME ZONE;

-- safe
SHOW TRANSACTION ISOLATION LEVEL;

-- safe
SHOW SESSION AUTHORIZATION;

-- safe
SHOW server_version;

-- safe
SHOW "work_mem";

-- safe
SHOW search_path;

-- safe
SELECT id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customers c;

-- safe
SELECT c.name, o.total FROM customers c LEFT JOIN LATERAL (SELECT total FROM orders WHERE customer_id = c.id ORDER BY id DESC LIMIT 1) o ON true;

-- safe
SELECT name FROM customers WHERE EXISTS (SELECT FROM orders WHERE customer_id = customers.id);

-- safe
SELECT * FROM recent_orders;

-- safe
SELECT * FROM totals;

-- safe
SELECT last_value, is_called FROM counter;

-- safe
SELECT width_bucket(total, 0, 100, 10), count(*) FROM orders GROUP BY 1;

-- safe
SELECT stddev(total), variance(total), corr(total, id) FROM orders;

-- safe
SELECT bool_and(active), bit_or(1), every(active) FROM orders;

-- safe
SELECT rank() OVER (ORDER BY total), dense_rank() OVER (ORDER BY total), ntile(4) OVER (ORDER BY total) FROM orders;

-- safe
SELECT first_value(id) OVER (ORDER BY id), nth_value(id, 2) OVER (ORDER BY id) FROM orders;

-- safe
SELECT mode() WITHIN GROUP (ORDER BY status) FROM orders;

-- safe
SELECT date_part('year', created_at), created_at + interval '1 hour' FROM orders;

-- safe
SELECT (date '2026-01-01', date '2026-02-01') OVERLAPS (date '2026-01-15', date '2026-03-01');

-- safe
SELECT '1'::bit(3), 'x'::bpchar, '12:00'::time, '12:00+00'::timetz, '5 dollars' IS NULL;

-- safe
SELECT generate_subscripts(tags, 1) FROM customers;

-- safe
SELECT to_json(now()), jsonb_set('{}'::jsonb, '{a}', '1'), jsonb_typeof('1'::jsonb);

-- safe
SELECT string_to_array('a,b', ','), array_to_string(ARRAY[1], ','), array_position(ARRAY[1,2], 2);

-- safe
SELECT txid_current_snapshot();

-- safe
SELECT pg_size_bytes('1 MB'), pg_client_encoding();

-- safe
SELECT * FROM orders WHERE created_at >= now() - interval '7 days' AND status IN ('paid', 'open') ORDER BY created_at DESC LIMIT 50;

-- safe
SELECT sum(pg_column_size(o.*)) FROM orders o;

-- safe
SELECT 1 WHERE 'a' IN ('a', 'b') AND 1 = 1;

-- safe
SELECT t.n FROM (SELECT generate_series(1, 3)) AS t(n);

-- safe
SELECT json_object_agg(id, status) FROM orders;

-- safe
SELECT quote_ident('a b'), quote_literal('x'), quote_nullable(NULL);

-- safe
SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'orders'::regclass AND a.attnum > 0;

-- safe
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef;

-- safe
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'my_function';

-- safe
SELECT typname FROM pg_type WHERE typtype = 'e';

-- safe
SELECT enumlabel FROM pg_enum;

-- safe
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger;

-- safe
SELECT schemaname, viewname FROM pg_views;

-- safe
SELECT sequencename, last_value FROM pg_sequences;

-- safe
SELECT pubname FROM pg_publication;

-- safe
SELECT * FROM pg_stat_user_indexes WHERE idx_scan = 0;

-- safe
SELECT * FROM pg_statio_user_tables;

-- safe
SELECT * FROM pg_stat_wal;

-- safe
SELECT datname, pg_size_pretty(pg_database_size(datname)) FROM pg_database;

-- safe
SELECT currval('counter') WHERE false;

-- destructive: calls my_function()
SELECT my_function();

-- destructive: calls my_function()
SELECT * FROM my_function();

-- destructive: calls my_function()
SELECT * FROM orders WHERE id = my_function();

-- destructive: calls my_function()
SELECT * FROM orders ORDER BY my_function(1);

-- destructive: calls my_function()
SELECT count(*) FROM orders GROUP BY my_function(1);

-- destructive: calls my_function()
SELECT count(*) FROM orders HAVING my_function() = 1;

-- destructive: calls my_function()
SELECT 1 FROM orders o JOIN customers c ON my_function() = 1;

-- destructive: calls my_function()
SELECT lower(my_function()::text);

-- destructive: calls my_function()
SELECT 1 LIMIT my_function();

-- destructive: calls my_function()
SELECT 1 OFFSET my_function();

-- destructive: calls my_function()
SELECT CASE WHEN my_function() = 1 THEN 1 END;

-- destructive: calls my_function()
SELECT ARRAY[my_function()];

-- destructive: calls my_function()
SELECT (my_function(), 1);

-- destructive: calls my_function()
SELECT coalesce(NULL, my_function());

-- destructive: calls my_function()
SELECT count(*) FILTER (WHERE my_function() = 1) FROM orders;

-- destructive: calls my_function()
SELECT sum(1) OVER (ORDER BY my_function()) FROM orders;

-- destructive: calls my_function()
SELECT sum(1) OVER w FROM orders WINDOW w AS (PARTITION BY my_function());

-- destructive: calls my_function()
SELECT array_agg(1 ORDER BY my_function()) FROM orders;

-- destructive: calls my_function()
SELECT 1 UNION SELECT my_function();

-- destructive: calls my_function()
SELECT EXISTS (SELECT my_function());

-- destructive: calls my_function()
SELECT tags[my_function()] FROM customers;

-- destructive: calls my_function()
SELECT 1 FROM orders TABLESAMPLE system (my_function());

-- destructive: calls my_function()
SELECT * FROM ROWS FROM (my_function());

-- destructive: calls my_function()
SELECT DISTINCT ON (my_function()) 1;

-- destructive: calls my_function()
WITH x AS (SELECT my_function()) SELECT 1;

-- destructive: calls my_function()
VALUES (my_function());

-- destructive: calls my_function()
EXPLAIN SELECT my_function();

-- destructive: calls my_function()
SELECT xmlelement(name a, my_function());

-- destructive: calls my_function()
SELECT * FROM xmltable('/r' PASSING xmlelement(name a, my_function()) COLUMNS a int PATH 'a');

-- destructive: calls public.my_function()
SELECT public.my_function();

-- destructive: calls public.lower()
SELECT public.lower('X');

-- destructive: calls x.pg_catalog.lower()
SELECT x.pg_catalog.lower('X');

-- destructive: calls Lower()
SELECT "Lower"('X');

-- destructive: calls pg_sleep(), which waits
SELECT pg_sleep(5);

-- destructive: calls pg_sleep(), which waits
SELECT "pg_sleep"(5);

-- destructive: calls pg_catalog.pg_sleep(), which waits
SELECT pg_catalog.pg_sleep(5);

-- destructive: calls pg_sleep(), which waits
SELECT U&"pg_\0073leep"(5);

-- destructive: calls pg_sleep(), which waits
SELECT u&"pg_!0073leep" UESCAPE '!' (5);

-- destructive: calls pg_sleep(), which waits
SELECT/**/pg_sleep/**/(5);

-- destructive: calls pg_sleep(), which waits
SELECT * FROM orders, pg_sleep(1);

-- destructive: calls pg_sleep_for(), which waits
SELECT pg_sleep_for('5 minutes');

-- destructive: calls pg_sleep_until(), which waits
SELECT pg_sleep_until('tomorrow');

-- destructive: advances a sequence
SELECT nextval('counter');

-- destructive: advances a sequence
SELECT setval('counter', 5);

-- destructive: advances a sequence
SELECT setval('counter', 5, false);

-- destructive: changes the session
SELECT set_config('transaction_read_only', 'off', false);

-- destructive: changes the session
SELECT setseed(0.5);

-- destructive: takes or gives up a lock
SELECT pg_advisory_lock(1);

-- destructive: takes or gives up a lock
SELECT pg_try_advisory_lock(1);

-- destructive: takes or gives up a lock
SELECT pg_advisory_xact_lock(1, 2);

-- destructive: takes or gives up a lock
SELECT pg_try_advisory_xact_lock_shared(1);

-- destructive: takes or gives up a lock
SELECT pg_advisory_unlock_all();

-- destructive: ends what other sessions do
SELECT pg_terminate_backend(1);

-- destructive: ends what other sessions do
SELECT pg_cancel_backend(pid) FROM pg_stat_activity;

-- destructive: changes the server's state
SELECT pg_reload_conf();

-- destructive: changes the server's state
SELECT pg_rotate_logfile();

-- destructive: changes the server's state
SELECT pg_switch_wal();

-- destructive: changes the server's state
SELECT pg_create_restore_point('x');

-- destructive: changes the server's state
SELECT pg_backup_start('x');

-- destructive: changes the server's state
SELECT * FROM pg_backup_stop();

-- destructive: changes the server's state
SELECT pg_start_backup('x');

-- destructive: changes the server's state
SELECT pg_wal_replay_pause();

-- destructive: changes the server's state
SELECT pg_promote();

-- destructive: changes the server's state
SELECT pg_logical_emit_message(false, 'a', 'b');

-- destructive: changes the server's state
SELECT pg_log_backend_memory_contexts(1);

-- destructive: changes the server's state
SELECT pg_import_system_collations('public');

-- destructive: changes the server's state
SELECT binary_upgrade_set_next_pg_type_oid(1);

-- destructive: sends a notification
SELECT pg_notify('c', 'x');

-- destructive: changes a replication slot
SELECT pg_create_physical_replication_slot('x');

-- destructive: changes a replication slot
SELECT pg_create_logical_replication_slot('x', 'test_decoding');

-- destructive: changes a replication slot
SELECT pg_drop_replication_slot('x');

-- destructive: changes a replication slot
SELECT pg_replication_slot_advance('x', '0/0');

-- destructive: changes a replication slot
SELECT * FROM pg_logical_slot_get_changes('x', NULL, NULL);

-- destructive: changes a replication slot
SELECT * FROM pg_logical_slot_peek_changes('x', NULL, NULL);

-- destructive: changes a replication slot
SELECT pg_replication_origin_create('x');

-- destructive: throws statistics away
SELECT pg_stat_reset();

-- destructive: throws statistics away
SELECT pg_stat_reset_shared('bgwriter');

-- destructive: throws statistics away
SELECT pg_stat_statements_reset();

-- destructive: reads the server's files
SELECT pg_read_file('/etc/passwd');

-- destructive: reads the server's files
SELECT pg_read_binary_file('x');

-- destructive: reads the server's files
SELECT pg_ls_dir('.');

-- destructive: reads the server's files
SELECT * FROM pg_ls_logdir();

-- destructive: reads the server's files
SELECT pg_stat_file('x');

-- destructive: reads the server's files
SELECT pg_file_write('x', 'y', false);

-- destructive: large object
SELECT lo_import('/etc/passwd');

-- destructive: large object
SELECT lo_export(1, '/tmp/x');

-- destructive: large object
SELECT lo_create(0);

-- destructive: large object
SELECT lo_unlink(1);

-- destructive: large object
SELECT lo_put(1, 0, 'x'::bytea);

-- destructive: large object
SELECT lo_from_bytea(0, 'x'::bytea);

-- destructive: large object
SELECT lowrite(1, 'x'::bytea);

-- destructive: runs SQL that it gets as text
SELECT query_to_xml('DELETE FROM orders', true, true, '');

-- destructive: runs SQL that it gets as text
SELECT query_to_xml_and_xmlschema('SELECT 1', true, true, '');

-- destructive: runs SQL that it gets as text
SELECT cursor_to_xml('c', 1, true, true, '');

-- destructive: runs SQL that it gets as text
SELECT table_to_xml('orders', true, true, '');

-- destructive: runs SQL that it gets as text
SELECT schema_to_xml('public', true, true, '');

-- destructive: runs SQL that it gets as text
SELECT database_to_xml(true, true, '');

-- destructive: runs SQL that it gets as text
SELECT * FROM ts_stat('SELECT my_function()');

-- destructive: runs SQL that it gets as text
SELECT ts_rewrite('a'::tsquery, 'SELECT my_function()');

-- destructive: runs SQL that it gets as text
SELECT * FROM crosstab('SELECT 1') AS t(a int);

-- destructive: runs SQL on another server
SELECT dblink_exec('x', 'DELETE FROM orders');

-- destructive: runs SQL on another server
SELECT * FROM dblink('x', 'SELECT 1') AS t(a int);

-- destructive: runs SQL on another server
SELECT dblink_connect('x');

-- destructive: runs SQL on another server
SELECT postgres_fdw_disconnect_all();

-- destructive: writes to an index
SELECT brin_summarize_new_values('x');

-- destructive: writes to an index
SELECT gin_clean_pending_list('x');

-- destructive: uses up a transaction id
SELECT txid_current();

-- destructive: uses up a transaction id
SELECT pg_current_xact_id();

-- destructive: 1 GB
SELECT repeat('x', 1000000000);

-- destructive: 1 GB
SELECT lpad('x', 1000000000);

-- destructive: 1 GB
SELECT pg_catalog.rpad('x', 1000000000);

-- destructive: 1 GB
SELECT array_fill(0, ARRAY[100000000]);

-- destructive: whatever type
SELECT * FROM json_populate_record(NULL::record, '{}');

-- destructive: changes the session
SELECT pg_export_snapshot();

-- destructive: settings
SELECT * FROM pg_show_all_settings();

-- destructive: calls join()
SELECT join(1);

-- destructive: calls by()
SELECT by(1);

-- destructive: calls over()
SELECT over(1);

-- destructive: calls filter()
SELECT filter(1);

-- destructive: calls like()
SELECT like('a', 'b');

-- destructive: calls xmlparse_evil()
SELECT xmlparse_evil('x');

-- destructive: uses the operator public.+
SELECT 1 OPERATOR(public.+) 2;

-- destructive: uses the operator <+>
SELECT 1 <+> 2;

-- destructive: uses the operator ===
SELECT 1 === 2;

-- destructive: uses the operator my.=
SELECT 1 OPERATOR(my.=) ANY (ARRAY[1]);

-- destructive: uses the operator s.<
SELECT id FROM orders ORDER BY id USING OPERATOR(s.<);

-- destructive: uses the operator s.=
SELECT 1 OPERATOR(s.=) ANY (SELECT 1);

-- destructive: uses the operator <%>
SELECT <%> 5;

-- destructive: converts to mood
SELECT 'ok'::mood;

-- destructive: converts to positive
SELECT 1::positive;

-- destructive: converts to public.text
SELECT 'x'::public.text;

-- destructive: converts to my_domain
SELECT CAST('x' AS my_domain);

-- destructive: converts to my_domain
SELECT my_domain 'x';

-- destructive: converts to my_domain
SELECT 'x'::my_domain[];

-- destructive: converts to public.text
SELECT public.text 'x';

-- destructive: converts to my_domain
SELECT * FROM json_to_record('{}') AS x(a my_domain);

-- destructive: converts to my_type
SELECT xmlserialize(content '<a/>'::xml AS my_type);

-- destructive: not built in
SELECT * FROM orders TABLESAMPLE my_method(1);

-- destructive: locks rows
SELECT id FROM orders FOR UPDATE;

-- destructive: locks rows
SELECT id FROM orders FOR NO KEY UPDATE;

-- destructive: locks rows
SELECT id FROM orders FOR SHARE;

-- destructive: locks rows
SELECT id FROM orders FOR KEY SHARE SKIP LOCKED;

-- destructive: locks rows
SELECT id FROM orders FOR/**/UPDATE NOWAIT;

-- destructive: locks rows
SELECT * FROM (SELECT id FROM orders FOR UPDATE) x;

-- destructive: locks rows
WITH x AS (SELECT id FROM orders FOR UPDATE) SELECT * FROM x;

-- destructive: locks rows
SELECT o.id FROM orders o, customers c FOR UPDATE OF o;

-- destructive: locks rows
SELECT 1 WHERE EXISTS (SELECT 1 FROM orders FOR SHARE);

-- destructive: creates a table
SELECT * INTO t2 FROM orders;

-- destructive: creates a table
SELECT * INTO TEMP t2 FROM orders;

-- destructive: creates a table
SELECT 1 INTO t2;

-- destructive: cannot be read
SELECT 1.5into t2;

-- destructive: creates a table
SELECT 1 UNION SELECT 2 INTO t2;

-- destructive: creates a table
SELECT 1 INTO UNLOGGED TABLE t2 UNION SELECT 2;

-- destructive: contains DELETE
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x;

-- destructive: contains INSERT
WITH x AS (INSERT INTO log_lines VALUES ('a') RETURNING *) SELECT * FROM x;

-- destructive: contains UPDATE
WITH x AS (UPDATE orders SET total = 1 RETURNING *) SELECT * FROM x;

-- destructive: contains DELETE
WITH x AS (SELECT 1), y AS (DELETE FROM orders RETURNING *) SELECT 1;

-- destructive: contains DELETE
SELECT * FROM (WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x) AS y;

-- destructive: contains DELETE
WITH x AS (DELETE FROM orders) VALUES (1);

-- destructive: contains DELETE
EXPLAIN WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x;

-- destructive: contains DELETE
WITH orders AS (DELETE FROM orders RETURNING *) SELECT * FROM orders;

-- destructive: DELETE changes data
WITH x AS (SELECT 1) DELETE FROM orders WHERE id IN (SELECT * FROM x);

-- destructive: UPDATE changes data
WITH x AS (SELECT 1) UPDATE orders SET total = 1;

-- destructive: INSERT changes data
WITH x AS (SELECT 1) INSERT INTO log_lines SELECT 'a' FROM x;

-- destructive: MERGE changes data
WITH x AS (SELECT 1 AS i) MERGE INTO orders USING x ON true WHEN MATCHED THEN DELETE;

-- destructive: INSERT changes data
INSERT INTO log_lines VALUES ('a');

-- destructive: INSERT changes data
INSERT INTO log_lines (line) SELECT name FROM customers;

-- destructive: INSERT changes data
INSERT INTO log_lines DEFAULT VALUES;

-- destructive: INSERT changes data
INSERT INTO log_lines TABLE log_lines;

-- destructive: INSERT changes data
INSERT INTO customers (id, name) VALUES (1, 'a') ON CONFLICT DO NOTHING;

-- destructive: INSERT changes data
INSERT INTO customers (id, name) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET name = excluded.name;

-- destructive: INSERT changes data
INSERT INTO customers (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'a') RETURNING id;

-- destructive: UPDATE changes data
UPDATE orders SET total = 1 WHERE id = 1;

-- destructive: UPDATE changes data
UPDATE orders SET (total, note) = (1, 'a');

-- destructive: UPDATE changes data
UPDATE orders SET total = c.id FROM customers c WHERE c.id = customer_id RETURNING *;

-- destructive: UPDATE changes data
UPDATE orders SET total = 1 WHERE CURRENT OF c;

-- destructive: DELETE changes data
DELETE FROM orders;

-- destructive: DELETE changes data
DELETE FROM ONLY orders USING customers WHERE customer_id = customers.id;

-- destructive: DELETE changes data
/* SELECT */ DELETE FROM orders;

-- destructive: DELETE changes data
-- SELECT 1
DELETE FROM orders;

-- destructive: DELETE changes data
/* /* */ SELECT 1; */ DELETE FROM orders;

-- destructive: MERGE changes data
MERGE INTO orders USING customers c ON c.id = customer_id WHEN MATCHED THEN UPDATE SET total = 1 WHEN NOT MATCHED THEN DO NOTHING;

-- destructive: TRUNCATE changes
TRUNCATE orders;

-- destructive: TRUNCATE changes
TRUNCATE TABLE ONLY orders, customers RESTART IDENTITY;

-- destructive: CASCADE takes along
TRUNCATE orders CASCADE;

-- safe
EXPLAIN ANALYZE SELECT 1;

-- destructive: executes the statement
EXPLAIN ANALYZE DELETE FROM orders;

-- destructive: executes the statement
EXPLAIN (ANALYZE) DELETE FROM orders;

-- destructive: executes the statement
EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM orders;

-- safe
EXPLAIN (ANALYZE 0, ANALYZE 1) SELECT 1;

-- safe
EXPLAIN (VERBOSE, ANALYZE true) SELECT 1;

-- safe
EXPLAIN (COSTS off, analyse) SELECT 1;

-- safe
EXPLAIN (analyze 'on') SELECT 1;

-- safe
EXPLAIN ANALYSE VERBOSE SELECT 1;

-- destructive: executes the statement
EXPLAIN ANALYZE CREATE TABLE t2 AS SELECT 1;

-- destructive: executes the statement
EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT 1;

-- destructive: executes the statement
EXPLAIN ANALYZE EXECUTE p;

-- destructive: executes the statement
EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW totals;

-- destructive: is not known
EXPLAIN (NEW_OPTION) SELECT 1;

-- destructive: EXPLAIN of EXECUTE
EXPLAIN EXECUTE p;

-- safe
EXPLAIN DELETE FROM orders;

-- destructive: columns' defaults
EXPLAIN INSERT INTO log_lines VALUES ('a');

-- safe
EXPLAIN (ANALYZE off) UPDATE orders SET total = 1;

-- destructive: EXPLAIN of CREATE TABLE AS
EXPLAIN CREATE TABLE t2 AS SELECT 1;

-- destructive: EXPLAIN of DECLARE
EXPLAIN DECLARE c CURSOR FOR SELECT 1;

-- destructive: cannot be read
EXPLAIN ANALYZE VERBOSE ANALYZE SELECT 1;

-- destructive: COPY changes data
COPY log_lines FROM STDIN;

-- safe
COPY orders TO STDOUT;

-- safe
COPY (SELECT 1) TO STDOUT WITH (FORMAT csv);

-- destructive: COPY reads a file
COPY log_lines FROM '/etc/passwd';

-- destructive: COPY writes a file
COPY orders TO '/tmp/x';

-- destructive: COPY writes a file
COPY (SELECT 1) TO '/tmp/x';

-- destructive: runs a program
COPY (SELECT 1) TO PROGRAM 'sh';

-- destructive: runs a program
COPY log_lines FROM PROGRAM 'id';

-- destructive: COPY changes data
COPY (DELETE FROM orders RETURNING *) TO STDOUT;

-- destructive: contains DELETE
COPY (WITH d AS (DELETE FROM orders RETURNING *) TABLE d) TO STDOUT;

-- destructive: advances a sequence
COPY (SELECT nextval('orders_id_seq')) TO STDOUT;

-- destructive: creates a table
COPY (SELECT 1 INTO made) TO STDOUT;

-- destructive: holds password hashes
COPY pg_authid TO STDOUT;

-- destructive: COPY changes data
COPY (SELECT 1) TO STDOUT WITH (NEW_OPTION 1);

-- safe
COPY (SELECT id FROM orders) TO STDOUT WITH (FORMAT binary);

-- safe
EXPLAIN UPDATE orders SET (total, id) = (1, 2) WHERE id = (SELECT max(id) FROM customers);

-- safe
EXPLAIN DELETE FROM orders USING customers WHERE customers.id = orders.id RETURNING *;

-- destructive: columns' defaults
EXPLAIN INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1;

-- destructive: columns' defaults
EXPLAIN MERGE INTO orders USING customers ON customers.id = orders.id WHEN MATCHED THEN DELETE;

-- destructive: contains DELETE
EXPLAIN WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x;

-- destructive: advances a sequence
EXPLAIN INSERT INTO orders (id) SELECT nextval('orders_id_seq');

-- destructive: calls my_function()
EXPLAIN DELETE FROM orders WHERE my_function(id);

-- destructive: locks rows
EXPLAIN UPDATE orders SET id = (SELECT id FROM customers FOR UPDATE);

-- destructive: executes the statement
EXPLAIN ANALYZE SELECT my_function();

-- destructive: executes the statement
EXPLAIN ANALYZE INSERT INTO log_lines VALUES ('a');

-- destructive: COPY changes data
COPY orders (id, total) FROM STDIN WHERE id > 5;

-- destructive: cannot be read
COPY log_lines FROM stdin;
1
\.

-- destructive: runs code
DO $$ BEGIN DELETE FROM orders; END $$;

-- destructive: runs code
DO LANGUAGE plpgsql 'BEGIN END';

-- destructive: CALL changes data
CALL my_procedure();

-- destructive: PREPARE changes
PREPARE p AS SELECT 1;

-- destructive: PREPARE changes
PREPARE p (int) AS DELETE FROM orders WHERE id = $1;

-- destructive: runs what PREPARE kept
EXECUTE p;

-- destructive: runs what PREPARE kept
EXECUTE p (1);

-- destructive: creates a table
SELECT 1 INTO TABLE t2;

-- destructive: runs what PREPARE kept
CREATE TABLE t2 AS EXECUTE p;

-- destructive: DEALLOCATE
DEALLOCATE ALL;

-- destructive: DEALLOCATE
DEALLOCATE PREPARE p;

-- destructive: DISCARD
DISCARD ALL;

-- destructive: DISCARD
DISCARD PLANS;

-- destructive: DISCARD
DISCARD TEMP;

-- destructive: DISCARD
DISCARD SEQUENCES;

-- destructive: SET changes the
SET search_path = x;

-- destructive: SET changes the
SET LOCAL work_mem = '1MB';

-- destructive: SET changes the
SET transaction_read_only = off;

-- destructive: SET changes the
SET TIME ZONE 'UTC';

-- destructive: SET changes the
SET NAMES 'utf8';

-- destructive: SET changes the
SET ROLE admin;

-- destructive: SET changes the
SET SESSION AUTHORIZATION admin;

-- destructive: SET changes the
SET TRANSACTION READ WRITE;

-- destructive: SET changes the
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;

-- destructive: SET changes the
SET TRANSACTION SNAPSHOT 'x';

-- destructive: SET changes the
SET work_mem TO DEFAULT;

-- destructive: SET changes the
SET standard_conforming_strings = off;

-- destructive: SET CONSTRAINTS
SET CONSTRAINTS ALL DEFERRED;

-- destructive: RESET changes the
RESET ALL;

-- destructive: RESET changes the
RESET work_mem;

-- destructive: RESET changes the
RESET ROLE;

-- destructive: BEGIN begins or
BEGIN;

-- destructive: BEGIN begins or
BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE;

-- destructive: START TRANSACTION
START TRANSACTION READ ONLY;

-- destructive: COMMIT begins or
COMMIT;

-- destructive: COMMIT begins or
END;

-- destructive: COMMIT begins or
COMMIT AND CHAIN;

-- destructive: ROLLBACK begins or
ROLLBACK;

-- destructive: ROLLBACK begins or
ABORT;

-- destructive: ROLLBACK begins or
ROLLBACK TO SAVEPOINT s;

-- destructive: SAVEPOINT begins or
SAVEPOINT s;

-- destructive: RELEASE begins or
RELEASE SAVEPOINT s;

-- destructive: PREPARE TRANSACTION
PREPARE TRANSACTION 'x';

-- destructive: COMMIT begins or
COMMIT PREPARED 'x';

-- destructive: ROLLBACK begins or
ROLLBACK PREPARED 'x';

-- destructive: LOCK takes a
LOCK TABLE orders;

-- destructive: LOCK takes a
LOCK orders IN ACCESS SHARE MODE NOWAIT;

-- destructive: LISTEN sends messages
LISTEN c;

-- destructive: UNLISTEN sends messages
UNLISTEN *;

-- destructive: NOTIFY sends messages
NOTIFY c, 'x';

-- destructive: DECLARE works on
DECLARE c CURSOR FOR SELECT 1;

-- destructive: DECLARE works on
DECLARE c CURSOR WITH HOLD FOR SELECT my_function();

-- destructive: FETCH works on
FETCH ALL FROM c;

-- destructive: MOVE works on
MOVE NEXT FROM c;

-- destructive: CLOSE works on
CLOSE ALL;

-- destructive: LOAD runs code
LOAD 'auto_explain';

-- destructive: CHECKPOINT works
CHECKPOINT;

-- destructive: VACUUM works
VACUUM;

-- destructive: VACUUM works
VACUUM (FULL, ANALYZE) orders;

-- destructive: VACUUM works
VACUUM FULL orders;

-- destructive: VACUUM works
VACUUM FREEZE VERBOSE orders (id);

-- destructive: ANALYZE works
ANALYZE;

-- destructive: ANALYZE works
ANALYZE VERBOSE orders (id, total);

-- destructive: ANALYZE works
ANALYZE (SKIP_LOCKED) orders;

-- destructive: REINDEX works
REINDEX TABLE orders;

-- destructive: REINDEX works
REINDEX INDEX CONCURRENTLY orders_status;

-- destructive: REINDEX works
REINDEX (CONCURRENTLY, VERBOSE) TABLE orders;

-- destructive: REINDEX works
REINDEX SCHEMA public;

-- destructive: REINDEX works
REINDEX DATABASE d;

-- destructive: REINDEX works
REINDEX SYSTEM d;

-- destructive: CLUSTER works
CLUSTER;

-- destructive: CLUSTER works
CLUSTER orders USING orders_status;

-- destructive: CLUSTER works
CLUSTER (VERBOSE) orders;

-- destructive: REFRESH MATERIALIZED VIEW works
REFRESH MATERIALIZED VIEW totals;

-- destructive: REFRESH MATERIALIZED VIEW works
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;

-- destructive: REFRESH MATERIALIZED VIEW works
REFRESH MATERIALIZED VIEW totals WITH NO DATA;

-- destructive: CREATE TABLE changes
CREATE TABLE t2 (id int);

-- destructive: CREATE TABLE changes
CREATE TABLE IF NOT EXISTS t2 (LIKE orders INCLUDING ALL);

-- destructive: CREATE TABLE changes
CREATE TEMP TABLE t2 (id int) ON COMMIT DROP;

-- destructive: CREATE TABLE changes
CREATE UNLOGGED TABLE t2 (id serial PRIMARY KEY, ref int REFERENCES orders (id) ON DELETE CASCADE);

-- destructive: CREATE TABLE changes
CREATE TABLE t2 PARTITION OF parts FOR VALUES IN ('us');

-- destructive: CREATE TABLE changes
CREATE TABLE t2 (a int, b int GENERATED ALWAYS AS (a * 2) STORED, CHECK (a > 0), UNIQUE (a), EXCLUDE USING gist (b WITH =));

-- destructive: CREATE TABLE changes
CREATE TABLE t2 () INHERITS (orders);

-- destructive: CREATE TABLE changes
CREATE TABLE t2 OF my_type;

-- destructive: CREATE TABLE AS changes
CREATE TABLE t2 AS SELECT * FROM orders;

-- destructive: CREATE TABLE AS changes
CREATE TABLE IF NOT EXISTS t2 AS TABLE orders WITH NO DATA;

-- destructive: CREATE MATERIALIZED VIEW changes
CREATE MATERIALIZED VIEW v2 AS SELECT 1;

-- destructive: CREATE FOREIGN TABLE changes
CREATE FOREIGN TABLE t2 (a int) SERVER s OPTIONS (a 'b');

-- destructive: CREATE INDEX builds
CREATE INDEX i ON orders (total);

-- destructive: CREATE INDEX builds
CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders USING gin (lower(note) gin_trgm_ops) WHERE active;

-- destructive: CREATE UNIQUE INDEX changes
CREATE UNIQUE INDEX i ON orders (total) INCLUDE (note);

-- destructive: CREATE UNIQUE INDEX changes
CREATE UNIQUE INDEX i ON orders (total) NULLS NOT DISTINCT;

-- destructive: CREATE VIEW changes
CREATE OR REPLACE VIEW v2 AS SELECT 1;

-- destructive: CREATE VIEW changes
CREATE TEMP RECURSIVE VIEW v2 (n) AS SELECT 1;

-- destructive: CREATE SCHEMA changes
CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1;

-- destructive: CREATE SEQUENCE changes
CREATE SEQUENCE s START 5;

-- destructive: CREATE FUNCTION changes
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';

-- destructive: CREATE FUNCTION changes
CREATE OR REPLACE FUNCTION f(a int DEFAULT 1, OUT b int) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN END $$;

-- destructive: CREATE FUNCTION changes
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;

-- destructive: CREATE PROCEDURE changes
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';

-- destructive: CREATE TRIGGER changes
CREATE TRIGGER tr BEFORE UPDATE OF total ON orders FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION f();

-- destructive: CREATE TRIGGER changes
CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON orders DEFERRABLE FOR EACH ROW EXECUTE FUNCTION f();

-- destructive: CREATE EVENT TRIGGER changes
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();

-- destructive: ALTER EVENT TRIGGER changes
ALTER EVENT TRIGGER e DISABLE;

-- destructive: CREATE RULE changes
CREATE RULE r AS ON SELECT TO orders DO INSTEAD SELECT 1;

-- destructive: CREATE RULE changes
CREATE RULE r AS ON INSERT TO orders DO ALSO (DELETE FROM customers; NOTIFY c);

-- destructive: CREATE POLICY changes
CREATE POLICY p ON orders FOR SELECT TO public USING (true);

-- destructive: ALTER POLICY changes
ALTER POLICY p ON orders USING (false);

-- destructive: CREATE AGGREGATE changes
CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int);

-- destructive: CREATE OPERATOR changes
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);

-- destructive: CREATE TYPE changes
CREATE TYPE ty AS (a int, b text);

-- destructive: CREATE TYPE AS ENUM changes
CREATE TYPE ty AS ENUM ('a', 'b');

-- destructive: CREATE TYPE AS RANGE changes
CREATE TYPE ty AS RANGE (SUBTYPE = int4);

-- destructive: CREATE TYPE changes
CREATE TYPE ty;

-- destructive: CREATE TYPE changes
CREATE TYPE ty (INPUT = a, OUTPUT = b);

-- destructive: CREATE DOMAIN changes
CREATE DOMAIN d AS int CHECK (value > 0) NOT NULL;

-- destructive: CREATE CAST changes
CREATE CAST (int AS mood) WITH INOUT AS IMPLICIT;

-- destructive: CREATE CONVERSION changes
CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f;

-- destructive: CREATE COLLATION changes
CREATE COLLATION c (LOCALE = 'C');

-- destructive: CREATE TRANSFORM changes
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION f(internal));

-- destructive: CREATE OPERATOR CLASS changes
CREATE OPERATOR CLASS oc FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int), STORAGE int;

-- destructive: CREATE OPERATOR FAMILY changes
CREATE OPERATOR FAMILY of USING btree;

-- destructive: ALTER OPERATOR FAMILY changes
ALTER OPERATOR FAMILY of USING btree ADD OPERATOR 1 < (int, int);

-- destructive: ALTER OPERATOR changes
ALTER OPERATOR === (int, int) SET (RESTRICT = NONE);

-- destructive: CREATE TEXT SEARCH DICTIONARY changes
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple);

-- destructive: ALTER TEXT SEARCH DICTIONARY changes
ALTER TEXT SEARCH DICTIONARY d (STOPWORDS = x);

-- destructive: ALTER TEXT SEARCH CONFIGURATION changes
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH simple;

-- destructive: CREATE LANGUAGE changes
CREATE TRUSTED LANGUAGE pl HANDLER h;

-- destructive: CREATE ACCESS METHOD changes
CREATE ACCESS METHOD m TYPE INDEX HANDLER h;

-- destructive: CREATE EXTENSION changes
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- destructive: ALTER EXTENSION changes
ALTER EXTENSION pg_trgm UPDATE;

-- destructive: ALTER EXTENSION changes
ALTER EXTENSION pg_trgm ADD FUNCTION f();

-- destructive: CREATE FOREIGN DATA WRAPPER changes
CREATE FOREIGN DATA WRAPPER w HANDLER h;

-- destructive: ALTER FOREIGN DATA WRAPPER changes
ALTER FOREIGN DATA WRAPPER w OPTIONS (a 'b');

-- destructive: IMPORT FOREIGN SCHEMA changes
IMPORT FOREIGN SCHEMA a LIMIT TO (b) FROM SERVER s INTO c;

-- destructive: CREATE STATISTICS builds
CREATE STATISTICS st (ndistinct) ON status, active FROM orders;

-- destructive: ALTER STATISTICS changes
ALTER STATISTICS st SET STATISTICS 100;

-- destructive: CREATE DATABASE changes
CREATE DATABASE d TEMPLATE template0;

-- destructive: DROP DATABASE changes
DROP DATABASE IF EXISTS d WITH (FORCE);

-- destructive: ALTER DATABASE changes
ALTER DATABASE d SET work_mem = '1MB';

-- destructive: ALTER DATABASE changes
ALTER DATABASE d WITH ALLOW_CONNECTIONS false;

-- destructive: ALTER DATABASE changes
ALTER DATABASE d RENAME TO e;

-- destructive: ALTER DATABASE changes
ALTER DATABASE d REFRESH COLLATION VERSION;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ADD COLUMN a int;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ADD a int NOT NULL DEFAULT 0 CHECK (a >= 0), DROP COLUMN IF EXISTS note CASCADE;

-- destructive: ALTER TABLE changes
ALTER TABLE IF EXISTS ONLY orders ALTER COLUMN total TYPE bigint USING total::bigint;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ALTER total SET NOT NULL, ALTER note DROP NOT NULL;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ALTER total SET DEFAULT 5;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers NOT VALID;

-- destructive: ALTER TABLE changes
ALTER TABLE orders VALIDATE CONSTRAINT c;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ADD PRIMARY KEY USING INDEX i;

-- destructive: ALTER TABLE changes
ALTER TABLE orders RENAME TO o2;

-- destructive: ALTER TABLE changes
ALTER TABLE orders RENAME COLUMN total TO sum;

-- destructive: ALTER TABLE changes
ALTER TABLE orders RENAME CONSTRAINT a TO b;

-- destructive: ALTER TABLE changes
ALTER TABLE orders SET SCHEMA s;

-- destructive: ALTER TABLE changes
ALTER TABLE orders OWNER TO u;

-- destructive: ALTER TABLE changes
ALTER TABLE parts ATTACH PARTITION p FOR VALUES IN ('x');

-- destructive: ALTER TABLE changes
ALTER TABLE parts DETACH PARTITION parts_eu CONCURRENTLY;

-- destructive: ALTER TABLE changes
ALTER TABLE orders SET (fillfactor = 70);

-- destructive: ALTER TABLE changes
ALTER TABLE orders SET UNLOGGED;

-- destructive: ALTER TABLE changes
ALTER TABLE orders SET TABLESPACE s;

-- destructive: ALTER TABLE changes
ALTER TABLE orders DISABLE TRIGGER ALL;

-- destructive: ALTER TABLE changes
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;

-- destructive: ALTER TABLE changes
ALTER TABLE orders REPLICA IDENTITY FULL;

-- destructive: ALTER TABLE changes
ALTER TABLE orders INHERIT p;

-- destructive: ALTER TABLE changes
ALTER TABLE orders CLUSTER ON i;

-- destructive: ALTER TABLE ALL changes
ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;

-- destructive: ALTER INDEX changes
ALTER INDEX orders_status RENAME TO i2;

-- destructive: ALTER INDEX changes
ALTER INDEX orders_status SET TABLESPACE s;

-- destructive: ALTER VIEW changes
ALTER VIEW recent_orders ALTER COLUMN id SET DEFAULT 1;

-- destructive: ALTER VIEW changes
ALTER VIEW recent_orders SET (security_barrier);

-- destructive: ALTER MATERIALIZED VIEW changes
ALTER MATERIALIZED VIEW totals SET SCHEMA s;

-- destructive: ALTER SEQUENCE changes
ALTER SEQUENCE counter RESTART WITH 1;

-- destructive: ALTER SEQUENCE changes
ALTER SEQUENCE counter OWNED BY orders.id;

-- destructive: ALTER FUNCTION changes
ALTER FUNCTION my_function() SECURITY DEFINER;

-- destructive: ALTER FUNCTION changes
ALTER FUNCTION my_function() OWNER TO u;

-- destructive: ALTER FUNCTION changes
ALTER FUNCTION my_function() DEPENDS ON EXTENSION e;

-- destructive: ALTER TYPE changes
ALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad';

-- destructive: ALTER TYPE changes
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';

-- destructive: ALTER TYPE changes
ALTER TYPE my_type ADD ATTRIBUTE a int;

-- destructive: ALTER TYPE changes
ALTER TYPE my_type RENAME ATTRIBUTE a TO b;

-- destructive: ALTER TYPE changes
ALTER TYPE my_type SET (RECEIVE = f);

-- destructive: ALTER DOMAIN changes
ALTER DOMAIN positive ADD CHECK (value < 10);

-- destructive: ALTER DOMAIN changes
ALTER DOMAIN positive SET NOT NULL;

-- destructive: ALTER COLLATION changes
ALTER COLLATION c REFRESH VERSION;

-- destructive: ALTER SCHEMA changes
ALTER SCHEMA s RENAME TO s2;

-- destructive: ALTER SCHEMA changes
ALTER SCHEMA s OWNER TO u;

-- destructive: ALTER LARGE OBJECT changes
ALTER LARGE OBJECT 5 OWNER TO u;

-- destructive: DROP TABLE changes
DROP TABLE orders;

-- destructive: CASCADE takes along
DROP TABLE IF EXISTS orders, customers CASCADE;

-- destructive: DROP INDEX builds
DROP INDEX orders_status;

-- destructive: DROP INDEX builds
DROP INDEX CONCURRENTLY IF EXISTS orders_status;

-- destructive: DROP VIEW changes
DROP VIEW recent_orders;

-- destructive: DROP MATERIALIZED VIEW changes
DROP MATERIALIZED VIEW totals;

-- destructive: DROP SEQUENCE changes
DROP SEQUENCE counter;

-- destructive: DROP SCHEMA changes
DROP SCHEMA s CASCADE;

-- destructive: DROP TYPE changes
DROP TYPE mood;

-- destructive: DROP DOMAIN changes
DROP DOMAIN positive;

-- destructive: DROP FUNCTION changes
DROP FUNCTION my_function(int);

-- destructive: DROP PROCEDURE changes
DROP PROCEDURE my_procedure;

-- destructive: DROP ROUTINE changes
DROP ROUTINE my_function();

-- destructive: DROP AGGREGATE changes
DROP AGGREGATE a (int);

-- destructive: DROP OPERATOR changes
DROP OPERATOR === (int, int);

-- destructive: DROP OPERATOR CLASS changes
DROP OPERATOR CLASS oc USING btree;

-- destructive: DROP OPERATOR FAMILY changes
DROP OPERATOR FAMILY of USING btree;

-- destructive: DROP CAST changes
DROP CAST (int AS mood);

-- destructive: DROP COLLATION changes
DROP COLLATION c;

-- destructive: DROP CONVERSION changes
DROP CONVERSION c;

-- destructive: DROP TRANSFORM changes
DROP TRANSFORM FOR int LANGUAGE sql;

-- destructive: DROP TRIGGER changes
DROP TRIGGER tr ON orders;

-- destructive: DROP EVENT TRIGGER changes
DROP EVENT TRIGGER e;

-- destructive: DROP RULE changes
DROP RULE r ON orders;

-- destructive: DROP POLICY changes
DROP POLICY p ON orders;

-- destructive: DROP EXTENSION changes
DROP EXTENSION pg_trgm;

-- destructive: DROP LANGUAGE changes
DROP LANGUAGE pl;

-- destructive: DROP ACCESS METHOD changes
DROP ACCESS METHOD m;

-- destructive: DROP FOREIGN DATA WRAPPER changes
DROP FOREIGN DATA WRAPPER w;

-- destructive: DROP FOREIGN TABLE changes
DROP FOREIGN TABLE t2;

-- destructive: DROP SERVER changes the
DROP SERVER s;

-- destructive: DROP STATISTICS builds
DROP STATISTICS st;

-- destructive: DROP TEXT SEARCH CONFIGURATION changes
DROP TEXT SEARCH CONFIGURATION c;

-- destructive: DROP PUBLICATION changes the
DROP PUBLICATION p;

-- destructive: DROP SUBSCRIPTION changes what
DROP SUBSCRIPTION s;

-- destructive: DROP OWNED changes
DROP OWNED BY u;

-- destructive: DROP ROLE changes accounts
DROP ROLE u;

-- destructive: DROP ROLE changes accounts
DROP USER IF EXISTS u;

-- destructive: DROP TABLESPACE changes where
DROP TABLESPACE s;

-- destructive: DROP USER MAPPING changes how
DROP USER MAPPING FOR u SERVER s;

-- destructive: COMMENT changes
COMMENT ON TABLE orders IS 'x';

-- destructive: COMMENT changes
COMMENT ON COLUMN orders.total IS NULL;

-- destructive: SECURITY LABEL changes
SECURITY LABEL FOR p ON TABLE orders IS 'x';

-- destructive: GRANT changes privileges
GRANT SELECT ON orders TO u;

-- destructive: GRANT changes privileges
GRANT ALL ON ALL TABLES IN SCHEMA public TO u WITH GRANT OPTION;

-- destructive: GRANT changes privileges
GRANT EXECUTE ON FUNCTION my_function() TO public;

-- destructive: GRANT changes privileges
GRANT admin TO u WITH ADMIN OPTION;

-- destructive: REVOKE changes privileges
REVOKE ALL ON orders FROM public;

-- destructive: REVOKE changes privileges;
REVOKE admin FROM u CASCADE;

-- destructive: ALTER DEFAULT PRIVILEGES changes privileges
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO u;

-- destructive: CREATE ROLE changes accounts
CREATE ROLE u LOGIN PASSWORD 'x';

-- destructive: CREATE USER changes accounts
CREATE USER u;

-- destructive: CREATE GROUP changes accounts
CREATE GROUP g;

-- destructive: ALTER ROLE changes accounts
ALTER ROLE u SUPERUSER;

-- destructive: ALTER ROLE changes accounts
ALTER USER u SET work_mem = '1MB';

-- destructive: ALTER ROLE changes the
ALTER ROLE u RENAME TO v;

-- destructive: ALTER ROLE changes accounts
ALTER GROUP g ADD USER u;

-- destructive: REASSIGN OWNED changes who
REASSIGN OWNED BY a TO b;

-- destructive: ALTER SYSTEM changes the
ALTER SYSTEM SET work_mem = '1MB';

-- destructive: ALTER SYSTEM changes the
ALTER SYSTEM RESET ALL;

-- destructive: CREATE TABLESPACE changes where
CREATE TABLESPACE s LOCATION '/x';

-- destructive: ALTER TABLESPACE changes where
ALTER TABLESPACE s SET (seq_page_cost = 1);

-- destructive: ALTER TABLESPACE changes the
ALTER TABLESPACE s RENAME TO s2;

-- destructive: CREATE SERVER changes how
CREATE SERVER s FOREIGN DATA WRAPPER w;

-- destructive: ALTER SERVER changes how
ALTER SERVER s OPTIONS (host 'x');

-- destructive: CREATE USER MAPPING changes how
CREATE USER MAPPING FOR u SERVER s OPTIONS (password 'x');

-- destructive: ALTER USER MAPPING changes how
ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password 'x');

-- destructive: CREATE PUBLICATION changes what
CREATE PUBLICATION p FOR TABLE orders WHERE (id > 5);

-- destructive: CREATE PUBLICATION changes what
CREATE PUBLICATION p FOR ALL TABLES;

-- destructive: ALTER PUBLICATION changes what
ALTER PUBLICATION p ADD TABLE orders;

-- destructive: CREATE SUBSCRIPTION changes what
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p;

-- destructive: ALTER SUBSCRIPTION changes what
ALTER SUBSCRIPTION s DISABLE;

-- destructive: ALTER SUBSCRIPTION changes the
ALTER SUBSCRIPTION s OWNER TO u;

-- destructive: password hashes
SELECT * FROM pg_shadow;

-- destructive: password hashes
SELECT * FROM pg_catalog.pg_authid;

-- destructive: password hashes
TABLE pg_authid;

-- destructive: password hashes
SELECT * FROM U&"pg\005fauthid";

-- destructive: password hashes
WITH w AS (SELECT * FROM pg_shadow) SELECT * FROM w;

-- destructive: password hashes
SELECT (SELECT max(rolpassword) FROM pg_authid);

-- destructive: password hashes
EXPLAIN SELECT * FROM pg_authid;

-- destructive: password
SELECT * FROM pg_settings;

-- destructive: password
SELECT * FROM pg_file_settings;

-- destructive: password
SELECT * FROM pg_hba_file_rules;

-- destructive: password
SELECT * FROM pg_user_mappings;

-- destructive: password
SELECT * FROM information_schema.user_mapping_options;

-- destructive: password
SELECT * FROM pg_subscription;

-- destructive: samples
SELECT * FROM pg_stats;

-- destructive: samples
SELECT * FROM pg_stats_ext;

-- destructive: samples
SELECT * FROM pg_statistic;

-- destructive: large values
SELECT * FROM pg_toast.pg_toast_1260;

-- destructive: password
SHOW ALL;

-- destructive: password
SHOW primary_conninfo;

-- destructive: password
SELECT current_setting('primary_' || 'conninfo');

-- destructive: password
SELECT current_setting(name) FROM pg_roles;

-- destructive: more than one
SELECT 1; DELETE FROM orders;

-- destructive: more than one
SELECT 1; SELECT 2;

-- destructive: more than one
SELECT 1;;DELETE FROM orders;

-- destructive: more than one
COMMIT; DELETE FROM orders;

-- destructive: more than one
BEGIN; SELECT 1; COMMIT;

-- destructive: settings for backslashes
SELECT 'a\', pg_sleep(5), ' b';

-- destructive: cannot be read
SELECT 1);

-- destructive: cannot be read
SELECT (1;

-- destructive: cannot be read
# SELECT 1

-- destructive: cannot be read
SELECT 1\g DELETE FROM orders;

-- destructive: cannot be read
SELEC 1;

-- destructive: cannot be read
INSERT log_lines VALUES (1);

-- destructive: is not closed
SELECT 'a

-- destructive: is not closed
/* SELECT 1

-- destructive: is not closed
SELECT $a$ x

-- destructive: no statement


-- destructive: no statement
-- nothing

-- destructive: no statement
;

-- destructive: PostgreSQL 17
SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a int PATH '$')) AS t;

-- destructive: PostgreSQL 17
MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE RETURNING *;

-- destructive: PostgreSQL 17
MERGE INTO orders USING customers ON true WHEN NOT MATCHED BY SOURCE THEN DELETE;

-- destructive: PostgreSQL 17
SELECT JSON_VALUE('{}', '$.a' RETURNING int);

-- destructive: PostgreSQL 17
SELECT JSON_EXISTS('{}'::jsonb, '$.a' ERROR ON ERROR);

-- destructive: PostgreSQL 17
SELECT now() AT LOCAL;

-- destructive: PostgreSQL 17
ALTER TABLE orders ALTER COLUMN total SET EXPRESSION AS (1);

-- destructive: PostgreSQL 16
SELECT JSON_OBJECT('a': 1);

-- destructive: PostgreSQL 16
SELECT JSON_ARRAY(1, 2 NULL ON NULL);

-- destructive: PostgreSQL 16
SELECT '{}' IS JSON OBJECT;

-- destructive: PostgreSQL 16
SELECT 1_000, 0x1F;

-- destructive: PostgreSQL 16
SELECT * FROM (SELECT 1);

-- destructive: PostgreSQL 16
GRANT a TO b WITH INHERIT TRUE;

-- destructive: PostgreSQL 16
CREATE STATISTICS ON status, active FROM orders;

-- destructive: PostgreSQL 16
REINDEX DATABASE;
