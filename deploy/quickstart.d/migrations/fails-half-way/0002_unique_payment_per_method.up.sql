-- The second statement fails on the data that is there: many payments share a method.
ALTER TABLE payments ADD COLUMN reference VARCHAR(64) NULL;
ALTER TABLE payments ADD UNIQUE KEY idx_payments_method (method);
