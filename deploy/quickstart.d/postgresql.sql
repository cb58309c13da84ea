-- The same shop in its rehearsal environment. Connected to the database "shop".
\set ON_ERROR_STOP on
CREATE TABLE accounts (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  database_name text NOT NULL UNIQUE,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO accounts (id, name, database_name)
VALUES (1001, 'Acme Outdoor', 'client_1001'), (1002, 'Globex Trading', 'client_1002');
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE,
  full_name text NOT NULL,
  country char(2) NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers (id),
  status text NOT NULL CHECK (status IN ('new', 'paid', 'shipped', 'cancelled')),
  total numeric(12, 2) NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX idx_orders_customer_id ON orders (customer_id);
CREATE TABLE payments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders (id),
  amount numeric(12, 2) NOT NULL,
  method text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX idx_payments_order_id ON payments (order_id);
INSERT INTO customers (email, full_name, country, created_at)
SELECT 'customer' || n || '@example.com', 'Customer ' || n,
       (ARRAY['DE', 'FR', 'US', 'JP'])[1 + n % 4], '2026-01-01'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 2000) n;
INSERT INTO orders (customer_id, status, total, created_at)
SELECT 1 + n % 2000, (ARRAY['new', 'paid', 'shipped', 'cancelled'])[1 + n % 4], 10.95 + n % 500,
       '2026-02-01'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO payments (order_id, amount, method, created_at)
SELECT id, total, (ARRAY['card', 'transfer'])[1 + id % 2], created_at + interval '1 hour'
FROM orders WHERE status IN ('paid', 'shipped');
ANALYZE;
