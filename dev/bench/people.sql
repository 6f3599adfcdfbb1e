-- Contacts and leads as they are after some years: numbers in the forms people write them, and what Odoo computes from
-- them in a company in Germany. `check_people.py` holds a sample of it against Odoo itself.
--
-- Of each twenty contacts the first is a company and seven work there; the rest are people. Every second one has a
-- responsible user, the administrator.

SET session_replication_role = replica;

UPDATE res_partner SET country_id = (SELECT id FROM res_country WHERE code = 'DE') WHERE id = 1;

CREATE TEMPORARY TABLE plan (k, code, calling_code, trunk, prefix, width, is_readable_bare, is_readable_with_trunk) AS
VALUES
    (0, 'DE', '49', '0', '151', 8, TRUE, TRUE),
    (1, 'UA', '380', '0', '67', 7, FALSE, TRUE),
    (2, 'FR', '33', '0', '61', 7, TRUE, TRUE),
    (3, 'PL', '48', '', '60', 7, TRUE, FALSE),
    (4, 'ES', '34', '', '61', 7, TRUE, FALSE),
    (5, 'NL', '31', '0', '61', 7, FALSE, TRUE);

-- One line of telephone `n` in the written form `style` (0 to 19): the number as written, its country if the record has
-- one, and what Odoo makes of it.
CREATE FUNCTION pg_temp.line(n bigint, style bigint) RETURNS TABLE (written text, country_id int, sanitized text)
LANGUAGE sql STABLE AS $$
    SELECT CASE
               WHEN style < 6 THEN '+' || calling_code || national
               WHEN style < 10 THEN '+' || calling_code || ' ' || spaced
               WHEN style < 15 THEN trunk || spaced
               WHEN style < 16 THEN '(' || trunk || prefix || ') ' || replace(substr(spaced, length(prefix) + 2), ' ', '-')
               WHEN style < 18 THEN '00' || calling_code || ' ' || spaced
               WHEN style < 19 THEN '+' || calling_code || ' (0)' || prefix || '/' || digits
               ELSE calling_code || national
           END,
           CASE WHEN style < 10 AND mod(n, 3) > 0 OR style BETWEEN 10 AND 18 THEN country.id END,
           CASE
               WHEN style = 18 AND NOT is_readable_with_trunk THEN NULL
               -- Without a sign of its country a number counts as one of the company's.
               WHEN style = 19 THEN CASE WHEN is_readable_bare THEN '+49' || calling_code || national END
               ELSE '+' || calling_code || national
           END
      FROM plan
      JOIN res_country country USING (code)
     CROSS JOIN LATERAL (SELECT lpad(mod(n * 7654321 + 1234567, (10 ^ width)::bigint)::text, width, '0')) AS a (digits)
     CROSS JOIN LATERAL (SELECT prefix || digits, prefix || ' ' || left(digits, 3) || ' ' || substr(digits, 4))
                        AS b (national, spaced)
     WHERE k = mod(n * 7 + n / 20, 6)
$$;

CREATE FUNCTION pg_temp.full_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['Anna', 'Bohdan', 'Clara', 'Dmytro', 'Elena', 'Félix', 'Greta', 'Hugo', 'Iryna', 'Jürgen', 'Katarzyna',
                  'Luc', 'Marta', 'Nils', 'Oksana', 'Pablo'])[1 + mod(n * 7, 16)]
           || ' ' ||
           (ARRAY['Bauer', 'Castro', 'Dubois', 'Ermak', 'Fischer', 'García', 'Hahn', 'Ivanenko', 'Jansen', 'Kowalska',
                  'Lefèvre', 'Meyer', 'Nowak', 'Peeters', 'Romero', 'Shevchenko', 'Visser'])[1 + mod(n * 11, 17)]
$$;

INSERT INTO res_partner (id, name, complete_name, parent_id, commercial_partner_id, commercial_company_name, is_company,
                         company_id, user_id, phone, phone_sanitized, country_id, email, email_normalized, active, type, lang, color,
                         partner_share, employee, message_bounce, create_uid, write_uid, create_date, write_date)
SELECT %(first)s + n,
       name,
       CASE WHEN slot BETWEEN 1 AND 7 THEN company || ', ' || name ELSE name END,
       CASE WHEN slot BETWEEN 1 AND 7 THEN %(first)s + boss END,
       %(first)s + CASE WHEN slot < 8 THEN boss ELSE n END,
       CASE WHEN slot < 8 THEN company END,
       slot = 0,
       CASE WHEN mod(team, 10) = 3 THEN 1 END,
       CASE WHEN mod(n, 2) = 1 THEN 2 END,
       e.phone, e.phone_sanitized, e.country_id,
       CASE WHEN mod(n, 2) = 0 THEN 'Person' || n || '@example.com' END,
       CASE WHEN mod(n, 2) = 0 THEN 'person' || n || '@example.com' END,
       mod(team, 50) <> 7,
       'contact', 'en_US', 0, TRUE, FALSE, 0, 1, 1, moment, moment
  FROM generate_series(0, %(people)s - 1) AS n
 CROSS JOIN LATERAL (SELECT n / 20, mod(n, 20), n - mod(n, 20)) AS a (team, slot, boss)
 CROSS JOIN LATERAL (SELECT pg_temp.full_name(team) || ' & Co. ' || team) AS b (company)
 CROSS JOIN LATERAL (SELECT CASE WHEN slot = 0 THEN company ELSE pg_temp.full_name(n) END,
                            timestamp '2020-01-01' + n * interval '2 minutes') AS c (name, moment)
 -- In every third company two people are reached through the switchboard, however they write its number.
 CROSS JOIN LATERAL pg_temp.line(CASE WHEN slot IN (1, 2) AND mod(team, 3) = 0 THEN boss ELSE n END,
                                 mod(n / 6 * 11 + n, 20)) AS line
 CROSS JOIN LATERAL (
    SELECT CASE
               WHEN slot IN (8, 9) THEN 'none'
               WHEN slot = 10 AND mod(team, 2) = 0 THEN 'nonsense'
               WHEN slot = 18 AND team < %(shared)s THEN 'unread'
               WHEN slot = 19 AND team < %(shared)s THEN 'shared'
               ELSE 'line'
           END) AS d (kind)
 CROSS JOIN LATERAL (
    SELECT CASE kind
               WHEN 'nonsense' THEN (ARRAY['n/a', '0000000', '112', 'see notes'])[1 + mod(team / 2, 4)]
               WHEN 'unread' THEN ltrim(%(unread_number)s, '+')
               WHEN 'shared' THEN %(shared_number)s
               WHEN 'line' THEN line.written
           END,
           CASE kind WHEN 'line' THEN line.country_id END,
           CASE kind WHEN 'shared' THEN %(shared_number)s WHEN 'line' THEN line.sanitized END)
        AS e (phone, country_id, phone_sanitized);

SELECT setval('res_partner_id_seq', (SELECT max(id) FROM res_partner));

-- Half of the leads are of a contact, half of strangers; a sixth is won, a tenth lost.
INSERT INTO crm_lead (name, type, partner_id, contact_name, phone, phone_sanitized, country_id, stage_id, active,
                      priority, team_id, company_id, email_from, email_normalized, email_domain_criterion,
                      probability, automated_probability, create_uid, write_uid, create_date, write_date)
SELECT 'Request ' || n, 'opportunity', partner.id, COALESCE(partner.name, pg_temp.full_name(n)),
       COALESCE(partner.phone, line.written), COALESCE(partner.phone_sanitized, line.sanitized),
       CASE WHEN partner.id IS NULL THEN line.country_id ELSE partner.country_id END,
       (ARRAY[1, 1, 2, 2, 3, 4])[1 + mod(n, 6)], mod(n, 10) <> 9,
       '0', 1, 1, 'lead' || n || '@example.com', 'lead' || n || '@example.com', 'lead' || n || '@example.com',
       10, 10, 1, 1, timestamp '2024-01-01' + n * interval '10 minutes', timestamp '2024-01-01' + n * interval '10 minutes'
  FROM generate_series(1, %(people)s / 20) AS n
  LEFT JOIN res_partner partner
         ON mod(n, 2) = 0 AND partner.id = %(first)s + n * 20 - 5 AND partner.phone_sanitized IS NOT NULL
 CROSS JOIN LATERAL pg_temp.line(%(people)s + n, mod(n * 3, 20)) AS line;

SET session_replication_role = origin;
