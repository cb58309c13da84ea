-- A small shop: a common database with the accounts, and one database per client.
CREATE DATABASE common CHARACTER SET utf8mb4;
CREATE TABLE common.accounts (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  database_name VARCHAR(64) NOT NULL,
  is_active TINYINT NOT NULL DEFAULT 1,
  created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY idx_accounts_database_name (database_name)
) ENGINE = InnoDB;
INSERT INTO common.accounts (id, name, database_name)
VALUES (1001, 'Acme Outdoor', 'client_1001'), (1002, 'Globex Trading', 'client_1002');

DELIMITER $$
CREATE PROCEDURE common.make_client(IN db VARCHAR(64), IN customers INT)
BEGIN
  EXECUTE IMMEDIATE CONCAT('CREATE DATABASE ', db, ' CHARACTER SET utf8mb4');
  EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', db, '.customers (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email VARCHAR(190) NOT NULL,
    full_name VARCHAR(100) NOT NULL,
    country CHAR(2) NOT NULL,
    created_at DATETIME NOT NULL,
    UNIQUE KEY idx_customers_email (email)) ENGINE = InnoDB');
  EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', db, '.orders (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id INT UNSIGNED NOT NULL,
    status ENUM(''new'', ''paid'', ''shipped'', ''cancelled'') NOT NULL,
    total DECIMAL(12, 2) NOT NULL,
    created_at DATETIME NOT NULL,
    KEY idx_orders_customer_id (customer_id),
    CONSTRAINT fk_orders_customers FOREIGN KEY (customer_id) REFERENCES ', db,
    '.customers (id)) ENGINE = InnoDB');
  EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', db, '.payments (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id INT UNSIGNED NOT NULL,
    amount DECIMAL(12, 2) NOT NULL,
    method VARCHAR(20) NOT NULL,
    created_at DATETIME NOT NULL,
    KEY idx_payments_order_id (order_id),
    CONSTRAINT fk_payments_orders FOREIGN KEY (order_id) REFERENCES ', db,
    '.orders (id)) ENGINE = InnoDB');
  EXECUTE IMMEDIATE CONCAT('INSERT INTO ', db, '.customers (email, full_name, country, created_at)
    SELECT CONCAT(''customer'', seq, ''@example.com''), CONCAT(''Customer '', seq),
           ELT(1 + seq % 4, ''DE'', ''FR'', ''US'', ''JP''), ''2026-01-01'' + INTERVAL seq MINUTE
    FROM common.numbers WHERE seq <= ', customers);
  EXECUTE IMMEDIATE CONCAT('INSERT INTO ', db, '.orders (customer_id, status, total, created_at)
    SELECT 1 + seq % ', customers, ', ELT(1 + seq % 4, ''new'', ''paid'', ''shipped'', ''cancelled''),
           10 + seq % 500 + 0.95, ''2026-02-01'' + INTERVAL seq MINUTE
    FROM common.numbers WHERE seq <= ', customers * 10);
  EXECUTE IMMEDIATE CONCAT('INSERT INTO ', db, '.payments (order_id, amount, method, created_at)
    SELECT id, total, ELT(1 + id % 2, ''card'', ''transfer''), created_at + INTERVAL 1 HOUR
    FROM ', db, '.orders WHERE status IN (''paid'', ''shipped'')');
END $$
DELIMITER ;

CREATE TABLE common.numbers (seq INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO common.numbers
WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 900)
SELECT (a.seq - 1) * 900 + b.seq FROM n a, n b WHERE a.seq <= 24;
CALL common.make_client('client_1001', 2000);
CALL common.make_client('client_1002', 800);
DROP PROCEDURE common.make_client;
DROP TABLE common.numbers;
