ALTER TABLE payments DROP KEY idx_payments_method;
ALTER TABLE payments DROP COLUMN reference;
