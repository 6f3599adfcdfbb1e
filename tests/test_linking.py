from odoo.tests import tagged

from .common import CALL_ID, CALLER, ZadarmaCase, answer, end, inbound

OTHER_CALLER = "+442079460000"


@tagged("post_install", "-at_install")
class TestLinking(ZadarmaCase):
    def _call(self, call_id=CALL_ID, **fields):
        self.deliver(inbound("START", call_id=call_id, **fields), end("no answer", "0", call_id=call_id, **fields))
        return self._find_call(call_id)

    # === LATER KNOWLEDGE === #

    def test_new_contact_takes_the_earlier_calls_of_its_number(self):
        first, second = self._call(), self._call(f"in_{1:040x}")
        other = self._call(f"in_{2:040x}", caller=OTHER_CALLER)
        ada = self.env["res.partner"].with_user(self.agent).create({"name": "Ada", "phone": "0170 / 123 456 78"})
        self.assertEqual((first | second).partner_id.ids, ada.ids)
        self.assertEqual(set((first | second).mapped("caller_state")), {"found"})
        self.assertFalse(other.partner_id)

    def test_contact_that_gets_the_number_takes_its_calls(self):
        call = self._call()
        ada = self.env["res.partner"].create({"name": "Ada"})
        self.assertFalse(call.partner_id)
        ada.with_user(self.agent).phone = "+49 170 12345678"
        self.assertEqual(call.partner_id, ada)

    def test_contact_that_comes_back_from_the_archive_takes_its_calls(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "active": False})
        call = self._call()
        self.assertFalse(call.partner_id)
        ada.action_unarchive()
        self.assertEqual(call.partner_id, ada)

    def test_new_lead_takes_the_earlier_calls_of_its_number(self):
        call = self._call()
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": CALLER})
        self.assertEqual((call.lead_id, call.caller_state), (lead, "found"))
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.assertEqual((call.partner_id, call.lead_id), (ada, lead))

    def test_import_of_many_asks_once(self):
        calls = self._call() | self._call(f"in_{1:040x}", caller=OTHER_CALLER)
        rows = [[f"Nobody {number}", f"+4930{number:07d}"] for number in range(500)]
        rows += [["Ada", CALLER], ["Bob", OTHER_CALLER]]
        self.env["res.partner"].create({"name": "Warm", "phone": "+4930999"})
        queries = []
        execute = self.env.cr.execute

        def count(query, *args, **kwargs):
            text = query.code if hasattr(query, "code") else str(query)
            if 'FROM "zadarma_call"' in text:
                queries.append(text)
            return execute(query, *args, **kwargs)

        self.env.cr.execute = count
        try:
            result = self.env["res.partner"].load(["name", "phone"], rows)
        finally:
            del self.env.cr.execute
        self.assertFalse(result["messages"])
        self.assertEqual(calls.mapped("partner_id.name"), ["Ada", "Bob"])
        asked = [query for query in queries if "GROUP BY" in query]
        self.assertLessEqual(len(asked), 2, "one question a batch of the import")

    def test_question_is_answered_by_index(self):
        self.env.cr.execute(
            "INSERT INTO zadarma_call"
            "       (company_id, pbx_call_id, direction, state, caller_state, source, number, date_start)"
            " SELECT %s, 'in_' || n, 'inbound', 'ended', 'unknown', 'notifications', '+4930' || n, now()"
            "   FROM generate_series(1, 20000) n",
            [self.company.id],
        )
        self.env.cr.execute("ANALYZE zadarma_call")
        self.env.cr.execute(
            "EXPLAIN SELECT id FROM zadarma_call WHERE company_id = ANY(%s) AND number = ANY(%s)",
            [self.company.ids, [f"+49170{number}" for number in range(20)]],
        )
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertIn("zadarma_call_number_idx", plan)
        self.assertNotIn("Seq Scan", plan)

    def test_choice_of_a_person_stays(self):
        call = self._call()
        bob = self.env["res.partner"].create({"name": "Bob"})
        call.partner_id = bob
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.assertEqual((call.partner_id, call.caller_state), (bob, "chosen"))

    def test_calls_of_a_known_caller_stay_where_they_are(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        call = self._call()
        self.env["res.partner"].create({"name": "Bob", "phone": CALLER})
        self.assertEqual(call.partner_id, ada)

    def test_two_new_contacts_with_one_number_are_for_people_to_choose(self):
        call = self._call()
        self.env["res.partner"].create([{"name": "Ada", "phone": CALLER}, {"name": "Bob", "phone": CALLER}])
        self.assertEqual((call.partner_id.id, call.caller_state), (False, "ambiguous"))

    def test_contacts_of_other_companies_take_nothing(self):
        other = self.env["res.company"].create({"name": "Other"})
        call = self._call()
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "company_id": other.id})
        self.env["crm.lead"].create({"name": "Theirs", "phone": CALLER, "company_id": other.id})
        self.assertFalse(call.partner_id or call.lead_id)

    def test_call_that_goes_on_is_told_who_it_is(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.env.cr.precommit.run()
        self.assertEqual(self._sent(self.agent)[-1]["partner"]["id"], ada.id)

    def test_internal_calls_are_nobody_elses(self):
        call = self._call(caller="102")
        self.env["res.partner"].create({"name": "Ada", "phone": "102"})
        self.assertFalse(call.partner_id)

    # === MERGED, ARCHIVED, DELETED === #

    def test_merged_contacts_keep_all_calls(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        first = self._call()
        twin = self.env["res.partner"].create({"name": "Ada L.", "phone": CALLER})
        second = self._call(f"in_{1:040x}")
        self.assertEqual(second.caller_state, "ambiguous")
        self.env["base.partner.merge.automatic.wizard"]._merge((ada | twin).ids, twin)
        self.assertEqual((first | second).partner_id, twin)
        self.assertEqual((first | second).mapped("caller_state"), ["found", "found"])

    def test_contacts_merged_during_a_call_keep_it(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        twin = self.env["res.partner"].create({"name": "Ada L."})
        self.env["base.partner.merge.automatic.wizard"]._merge((ada | twin).ids, twin)
        self.deliver(end())
        self.assertEqual((self._find_call().partner_id, self._find_call().state), (twin, "ended"))

    def test_merged_leads_keep_all_calls_and_what_people_chose(self):
        leads = self.env["crm.lead"].create([{"name": "One", "phone": CALLER}, {"name": "Two", "phone": OTHER_CALLER}])
        first, second = self._call(), self._call(f"in_{1:040x}", caller=OTHER_CALLER)
        second.lead_id = leads[1]
        merged = leads.merge_opportunity()
        self.assertEqual((first | second).lead_id, merged)
        self.assertEqual((first | second).mapped("caller_state"), ["found", "chosen"])

    def test_archived_contact_and_lead_keep_their_calls(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        lead = self.env["crm.lead"].create({"name": "Deal", "partner_id": ada.id})
        call = self._call()
        (lead | lead).action_set_lost()
        ada.action_archive()
        self.assertEqual((call.partner_id, call.lead_id), (ada, lead))

    def test_calls_of_a_deleted_contact_are_for_the_next_one(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        call = self._call()
        call.partner_id = ada
        ada.unlink()
        self.assertEqual((call.partner_id.id, call.caller_state), (False, "unknown"))
        bob = self.env["res.partner"].create({"name": "Bob", "phone": CALLER})
        self.assertEqual(call.partner_id, bob)

    def test_calls_of_a_deleted_lead_are_for_the_next_one(self):
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": CALLER})
        call = self._call()
        lead.unlink()
        self.assertEqual((call.lead_id.id, call.caller_state), (False, "unknown"))
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": CALLER})
        self.assertEqual(call.lead_id, lead)

    def test_converted_lead_takes_its_calls_to_the_contact(self):
        lead = self.env["crm.lead"].create(
            {"name": "Deal", "type": "lead", "phone": CALLER, "contact_name": "Ada", "user_id": self.agent.id}
        )
        first = self._call()
        other = self._call(f"in_{1:040x}", caller=OTHER_CALLER)
        other.lead_id = lead
        wizard = self.env["crm.lead2opportunity.partner"].with_user(self.agent)
        wizard = wizard.with_context(active_model="crm.lead", active_id=lead.id, active_ids=lead.ids)
        wizard.create({"name": "convert", "action": "create"}).action_apply()
        self.assertEqual(lead.type, "opportunity")
        self.assertTrue(lead.partner_id)
        self.assertEqual((first | other).partner_id, lead.partner_id)
        self.assertEqual(other.caller_state, "chosen")

    def test_call_of_a_moment_ago_is_settled_once_more_when_its_caller_is_known(self):
        call = self._call()
        self.assertTrue(call.is_settled)
        old = self._call(f"in_{1:040x}", start="2025-02-01 10:00:00")
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.assertEqual((call.is_settled, old.is_settled), (False, True))
        self.env.flush_all()
        self._sweep()
        self.assertTrue(call.is_settled)
