-- What the statements of postgres_statements.sql name. For a scratch database only.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, email text, data jsonb, tags text[],
                        feeling mood, created_at timestamptz DEFAULT now());
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint REFERENCES customers (id),
                     total numeric(10,2), status text, note text, active boolean DEFAULT true,
                     created_at timestamptz DEFAULT now(), day date);
CREATE TABLE parts (id int, region text) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
CREATE TABLE log_lines (line text);
CREATE SEQUENCE counter;
CREATE VIEW recent_orders AS SELECT * FROM orders WHERE created_at > now() - interval '7 days';
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1;
CREATE UNIQUE INDEX totals_customer ON totals (customer_id);
CREATE INDEX orders_status ON orders (status);
CREATE FUNCTION my_function() RETURNS int LANGUAGE sql AS $$ INSERT INTO log_lines VALUES ('x'); SELECT 1 $$;
CREATE FUNCTION my_function(int) RETURNS int LANGUAGE sql AS $$ INSERT INTO log_lines VALUES ('x'); SELECT 1 $$;
CREATE PROCEDURE my_procedure() LANGUAGE sql AS $$ INSERT INTO log_lines VALUES ('x') $$;
INSERT INTO customers SELECT i, 'n' || i, 'n' || i || '@example.com', '{"a": 1}', '{x,y}', 'ok' FROM generate_series(1, 100) i;
INSERT INTO orders (customer_id, total, status, day) SELECT i, i, 'paid', '2026-01-01' FROM generate_series(1, 100) i;
