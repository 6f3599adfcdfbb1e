-- a copy has no account: it can neither speak to Zadarma nor take its notifications
UPDATE res_company
   SET zadarma_key = NULL, zadarma_secret = NULL, zadarma_token = NULL, zadarma_former_digests = NULL,
       zadarma_connected_at = NULL;
UPDATE zadarma_extension
   SET webrtc_key = NULL;
DELETE FROM zadarma_check;
DELETE FROM zadarma_throttle;
DELETE FROM ir_config_parameter
 WHERE key = 'zadarma.api_url';
