-- The mirror of the up part: the n-th statement from the end takes back the n-th one.
DROP INDEX idx_orders_status_created_at ON orders;
ALTER TABLE orders DROP COLUMN note;
