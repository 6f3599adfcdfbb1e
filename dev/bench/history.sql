-- Three years of calls, and of each the five notifications it came with, as the addon leaves them: two thirds inbound,
-- most of them answered, half of them with a contact.

SET session_replication_role = replica;

INSERT INTO zadarma_call (company_id, pbx_call_id, direction, state, result, disposition, number, is_withheld, own_number,
                          partner_id, caller_state, user_id, answered_by, date_start, date_answer, date_end, date_talk,
                          waiting, duration, is_recorded, is_live, is_timed_out, is_missed, is_settled, source,
                          create_uid, write_uid, create_date, write_date)
SELECT 1, CASE WHEN is_inbound THEN 'in_' ELSE 'out_' END || md5(n::text), CASE WHEN is_inbound THEN 'inbound' ELSE 'outbound' END,
       'ended', CASE WHEN is_answered THEN 'answered' ELSE 'no_answer' END, CASE WHEN is_answered THEN 'answered' ELSE 'no answer' END,
       COALESCE(partner.phone_sanitized, '+49170' || lpad(mod(n * 7919, 9999999)::text, 7, '0')), FALSE, %(dialled)s,
       partner.id, CASE WHEN partner.id IS NULL THEN 'unknown' ELSE 'found' END, 2, CASE WHEN is_answered THEN '101' END,
       moment, CASE WHEN is_answered THEN moment + interval '9 seconds' END, moment + interval '3 minutes',
       CASE WHEN is_answered THEN moment + interval '9 seconds' END,
       9, CASE WHEN is_answered THEN 171 ELSE 0 END, FALSE, TRUE, FALSE, is_inbound AND NOT is_answered, TRUE, 'notifications',
       1, 1, moment, moment
  FROM generate_series(1, %(calls)s::bigint) AS n
 CROSS JOIN LATERAL (SELECT mod(n, 3) > 0, mod(n, 5) > 0,
                            now() AT TIME ZONE 'UTC' - interval '1 day' - n * interval '3 years' / %(calls)s)
                    AS a (is_inbound, is_answered, moment)
  LEFT JOIN res_partner partner
         ON mod(n, 2) = 0 AND partner.id = %(first)s + mod(n * 7919, %(people)s) AND partner.phone_sanitized IS NOT NULL;

INSERT INTO zadarma_call_leg (call_id, extension, user_id, state, answered)
SELECT id, '101', 2, 'ended', result = 'answered' FROM zadarma_call;

INSERT INTO zadarma_event (company_id, key, name, pbx_call_id, payload, answer, received_at, redelivered, state, attempts,
                           processed_at)
SELECT 1, encode(sha256((pbx_call_id || name)::bytea), 'hex'), name, pbx_call_id,
       json_build_object('event', name, 'pbx_call_id', pbx_call_id, 'call_start', to_char(date_start, 'YYYY-MM-DD HH24:MI:SS'),
                         'caller_id', number, 'called_did', ltrim(own_number, '+'), 'internal', '101')::text,
       '{}', date_start + place * interval '3 seconds', 0, 'done', 0, date_start + place * interval '3 seconds'
  FROM zadarma_call
 CROSS JOIN unnest(ARRAY['NOTIFY_START', 'NOTIFY_INTERNAL', 'NOTIFY_ANSWER', 'NOTIFY_END', 'NOTIFY_RECORD'])
            WITH ORDINALITY AS notification (name, place);

SET session_replication_role = origin;
