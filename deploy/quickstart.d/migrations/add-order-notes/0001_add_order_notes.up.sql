-- Orders get a note that the customer may leave, and an index for the support team's search.
ALTER TABLE orders ADD COLUMN note VARCHAR(500) NULL;
CREATE INDEX idx_orders_status_created_at ON orders (status, created_at);
