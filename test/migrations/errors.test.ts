import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type postgres from 'postgres'
import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { newId, type Row, store } from '../support/messages.ts'
import { type Refusal, refuses } from '../support/rules.ts'
import { contents } from '../support/schema.ts'

const { sql, login } = await testDatabase(t)

/** One tenant with one of everything, and one beside it. */
const tenant_id = 1
const address = '+27830000001'
const message = await store(sql, { tenant_id, address, body: 'one', external_message_id: 'm1' })
const { account_id, conversation_id } = message
const customer = message.customer_id ?? ''
const sent = await store(sql, { tenant_id, address, direction: 'outbound', body: 'two' })
const other = await store(sql, { tenant_id, address: '+27830000002' })
const stranger = await store(sql, { tenant_id: 2, address })
const one = (rows: Row[]): string => String(rows[0]?.['id'])
const disabled = one(
  await sql`
  insert into pigeonpost.accounts (tenant_id, channel, address, status) values (1, 'sms', '+15550001000', 'disabled') returning id`,
)
const group = await store(sql, { tenant_id, address, conversation_external_id: '1@g.us' })
const multi = await sql.begin(async (tx) => {
  const id = one(
    await tx`insert into pigeonpost.conversations (tenant_id, type, account_id) values (1, 'multi', ${account_id}) returning id`,
  )
  await tx`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
    values (1, ${id}, ${customer}), (1, ${id}, ${other.customer_id})`
  return id
})
const merged = one(
  await sql`insert into pigeonpost.customers (tenant_id, name) values (1, 'merged') returning id`,
)
await sql`select pigeonpost.merge_customers(1, ${customer}, ${merged})`
const archived = await store(sql, { tenant_id, address: '+27830000003' })
await sql`select pigeonpost.archive_thread(1, ${archived.thread_id})`
const bridge = await login(['pigeonpost_bridge'], [1])
const app = await login(['pigeonpost_app'])
const nobody = '00000000-0000-7000-8000-000000000000'
const mib = 1_048_576

type Case = [title: string, expected: Refusal, work: (tx: Db) => Promise<unknown>]
const insert =
  (row: Row) =>
  (tx: Db): Promise<unknown> => {
    const full: Row = {
      tenant_id,
      direction: 'inbound',
      external_message_id: newId(),
      address,
      ...row,
    }
    for (const [key, value] of Object.entries(full)) if (value === undefined) delete full[key]
    return tx`insert into pigeonpost.messages ${tx(full as never)}`
  }
const into =
  (table: string, row: Row) =>
  (tx: Db): Promise<unknown> =>
    tx`insert into ${tx(table)} ${tx({ tenant_id, ...row } as never)}`
const change =
  (table: string, row: Row, where: Row) =>
  (tx: Db): Promise<unknown> => {
    const [[column, value] = ['', '']] = Object.entries(where)
    return tx`update ${tx(table)} set ${tx(row as never)} where tenant_id = ${tenant_id} and ${tx(column)} = ${value as string}`
  }
const update =
  (call: Row, id = 'm1', channel = 'whatsapp') =>
  (tx: Db): Promise<unknown> =>
    tx`select pigeonpost.apply_update(${tenant_id}, ${channel}, ${id}, ${tx.json(call as never)})`
const invalid = (constraint: string, column?: string, hint?: RegExp): Refusal => ({
  code: 'PPV01',
  constraint,
  ...(column ? { column } : {}),
  ...(hint ? { hint } : {}),
})
const conflict = (constraint: string, column?: string): Refusal => ({
  ...invalid(constraint, column),
  code: 'PPC01',
})
const et = {
  lead_id: 7,
  channel: 'whatsapp',
  message_id: 'e',
  timestamp: 1,
  direction: 'inbound',
  raw_json: {},
}

const messages = 'pigeonpost.messages'
const cases: Case[] = [
  // What issue 3 calls bad input.
  [
    'media of another tenant',
    { code: 'PPN01', constraint: 'messages_media_exists', column: 'media_id', hint: /upload/ },
    insert({ media_id: nobody }),
  ],
  [
    'an outbound row for a disabled account',
    {
      code: 'PPA02',
      constraint: 'messages_account_is_enabled',
      column: 'account_id',
      hint: /Enable/,
    },
    insert({
      direction: 'outbound',
      external_message_id: undefined,
      channel: 'sms',
      account_id: disabled,
    }),
  ],
  [
    'one for a new customer',
    { code: 'PPA02', constraint: 'messages_account_is_enabled', column: 'account_id' },
    insert({
      direction: 'outbound',
      external_message_id: undefined,
      channel: 'sms',
      address: '+27839999999',
    }),
  ],
  [
    'an account that is none',
    {
      code: 'PPA01',
      constraint: 'messages_account_exists',
      column: 'account_id',
      hint: /leave account_id out/,
    },
    insert({ account_id: nobody }),
  ],
  [
    "another tenant's account",
    { code: 'PPA01', constraint: 'messages_account_exists', column: 'account_id' },
    insert({ account_id: stranger.account_id }),
  ],
  [
    'an account of another channel',
    {
      code: 'PPA01',
      constraint: 'messages_account_serves_channel',
      column: 'channel',
      hint: /account's channel/,
    },
    insert({ account_id: disabled }),
  ],
  [
    'a direct conversation with three people',
    conflict('direct_is_full'),
    into('pigeonpost.conversation_participants', {
      conversation_id,
      customer_id: other.customer_id,
    }),
  ],
  [
    'a direct conversation with a second account',
    conflict('direct_is_full'),
    into('pigeonpost.conversation_participants', { conversation_id, account_id: disabled }),
  ],
  [
    'a group without a name',
    invalid('conversations_group_has_name', 'group_name', /group_name/),
    into('pigeonpost.conversations', { type: 'group', account_id }),
  ],
  [
    'a group with a name of spaces',
    invalid('conversations_group_has_name', 'group_name'),
    into('pigeonpost.conversations', { type: 'group', account_id, group_name: '  ' }),
  ],
  [
    'a group that loses its name',
    invalid('conversations_group_has_name', 'group_name'),
    change('pigeonpost.conversations', { group_name: null }, { id: group.conversation_id }),
  ],
  [
    'an unknown direction',
    invalid('messages_direction_known', 'direction', /inbound, outbound or system/),
    insert({ direction: 'Inbound' }),
  ],
  [
    'no direction',
    invalid('messages_direction_known', 'direction'),
    insert({ direction: undefined }),
  ],
  [
    'an unknown content type',
    invalid('messages_content_type_known', 'content_type', /structured/),
    insert({ content_type: 'document' }),
  ],
  [
    'no content type',
    invalid('messages_content_type_known', 'content_type'),
    insert({ content_type: null }),
  ],
  [
    'an unknown status',
    invalid('messages_status_known', 'status', /leave it out/i),
    insert({ status: 'banana' }),
  ],
  [
    'an unknown status of an outbound row',
    invalid('messages_status_known', 'status'),
    insert({ status: 'Sent', direction: 'outbound' }),
  ],
  [
    'an unknown status of a stored message',
    invalid('messages_status_known', 'status'),
    change(messages, { status: 'banana' }, { id: sent.id }),
  ],
  [
    'an unknown content type of a stored message',
    invalid('messages_content_type_known', 'content_type'),
    change(messages, { content_type: 'banana' }, { id: sent.id }),
  ],
  [
    'an empty address',
    invalid('messages_address_not_empty', 'address', /phone number, mail address/),
    insert({ address: '' }),
  ],
  [
    'an address of blanks',
    invalid('messages_address_not_empty', 'address'),
    insert({ address: ' \t\n' }),
  ],
  [
    'an empty mail address',
    invalid('messages_address_not_empty', 'address'),
    insert({ channel: 'email', address: 'Ann <>' }),
  ],
  [
    'a phone number that is none',
    invalid('messages_address_is_possible', 'address', /E\.164/),
    insert({ address: '0831234567' }),
  ],
  [
    'a phone number that is too short',
    invalid('messages_address_is_possible', 'address'),
    insert({ address: '+12345' }),
  ],
  [
    'a phone number that is too long',
    invalid('messages_address_is_possible', 'address'),
    insert({ address: '1234567890123456@s.whatsapp.net' }),
  ],
  [
    'a second address that is none',
    invalid('messages_alternate_address_is_possible', 'alternate_address', /E\.164/),
    insert({ alternate_address: '+0 123' }),
  ],
  [
    'a body over the limit',
    invalid('messages_body_at_most_1_mib', 'body', /1048576/),
    insert({ body: 'x'.repeat(mib + 1) }),
  ],
  [
    'bytes count, not letters',
    invalid('messages_body_at_most_1_mib', 'body'),
    insert({ body: 'ü'.repeat(mib / 2 + 1) }),
  ],
  [
    'an edit over the limit',
    invalid('messages_body_at_most_1_mib', 'body'),
    change(messages, { body: 'x'.repeat(mib + 1) }, { id: sent.id }),
  ],
  // The rest of messages.
  [
    'an inbound row without an external id',
    invalid('messages_inbound_has_external_id', 'external_message_id', /second copy/),
    insert({ external_message_id: undefined }),
  ],
  [
    'an empty external id',
    invalid('messages_inbound_has_external_id', 'external_message_id'),
    insert({ external_message_id: '' }),
  ],
  [
    'no counterpart',
    invalid('messages_names_a_counterpart', 'address', /lead_id/),
    insert({ address: undefined }),
  ],
  [
    'a customer who is none',
    {
      code: 'PPN01',
      constraint: 'messages_customer_exists',
      column: 'customer_id',
      hint: /or an address/,
    },
    insert({ customer_id: nobody }),
  ],
  [
    "another tenant's customer",
    { code: 'PPN01', constraint: 'messages_customer_exists', column: 'customer_id' },
    insert({ customer_id: stranger.customer_id }),
  ],
  [
    'a conversation that is none',
    {
      code: 'PPN01',
      constraint: 'messages_conversation_exists',
      column: 'conversation_id',
      hint: /counterpart's address/,
    },
    insert({ conversation_id: nobody }),
  ],
  [
    "another tenant's conversation",
    { code: 'PPN01', constraint: 'messages_conversation_exists', column: 'conversation_id' },
    insert({ conversation_id: stranger.conversation_id }),
  ],
  [
    'a sender who is none',
    {
      code: 'PPN01',
      constraint: 'messages_sender_exists',
      column: 'sender_customer_id',
      hint: /sender's address/,
    },
    insert({ conversation_external_id: '1@g.us', sender_customer_id: nobody }),
  ],
  [
    "a conversation of another account's",
    invalid('messages_account_is_the_conversations', 'account_id', /Leave account_id out/),
    insert({ conversation_id, account_id: disabled }),
  ],
  [
    'metadata that is no object',
    invalid('messages_metadata_is_an_object', 'metadata', /\{\}/),
    insert({ metadata: sql.json([1]) }),
  ],
  [
    'no metadata',
    invalid('messages_metadata_is_an_object', 'metadata'),
    insert({ metadata: null }),
  ],
  [
    'metadata of a stored message',
    invalid('messages_metadata_is_an_object', 'metadata'),
    change(messages, { metadata: sql.json('x') }, { id: sent.id }),
  ],
  [
    'control characters of our own',
    invalid('messages_body_has_no_control_characters', 'body', /tab and newline/),
    insert({ direction: 'outbound', body: 'a\u0007b' }),
  ],
  [
    'an empty channel',
    invalid('messages_channel_not_empty', 'channel', /whatsapp/),
    insert({ channel: ' ' }),
  ],
  ['no channel', invalid('messages_channel_not_empty', 'channel'), insert({ channel: null })],
  [
    'a time that is no moment',
    invalid('messages_sent_at_is_finite', 'sent_at', /leave it out/),
    (tx) => tx`
    insert into pigeonpost.messages (tenant_id, direction, address, external_message_id, sent_at) values (1, 'inbound', ${address}, 'x', 'infinity')`,
  ],
  [
    'an external id that no index holds',
    invalid('messages_external_message_id_at_most_1024_bytes', 'external_message_id', /1024/),
    insert({ external_message_id: 'x'.repeat(1025) }),
  ],
  [
    'an address that no index holds',
    invalid('messages_address_at_most_1024_bytes', 'address'),
    insert({ channel: 'email', address: 'x'.repeat(1025) }),
  ],
  [
    'a chat that no index holds',
    invalid('messages_conversation_external_id_at_most_1024_bytes', 'conversation_external_id'),
    insert({ conversation_external_id: 'x'.repeat(1025) }),
  ],
  [
    'a key that no index holds',
    invalid('messages_idempotency_key_at_most_1024_bytes', 'idempotency_key'),
    insert({
      direction: 'outbound',
      external_message_id: undefined,
      idempotency_key: 'x'.repeat(1025),
    }),
  ],
  [
    'a message that changes sides',
    conflict('messages_sides_never_change'),
    change(messages, { direction: 'outbound' }, { id: message.id }),
  ],
  [
    'a tenant that changes',
    {
      code: 'PPT02',
      constraint: 'tenant_never_changes',
      column: 'tenant_id',
      hint: /other tenant/,
    },
    change(messages, { tenant_id: 2 }, { id: message.id }),
  ],
  [
    'a row without a tenant',
    invalid('tenant_is_named', 'tenant_id', /company's number/),
    insert({ tenant_id: null }),
  ],
  [
    'a tenant that cannot be',
    invalid('tenants_id_is_positive', 'tenant_id', /from 1/),
    insert({ tenant_id: -1 }),
  ],
  // Accounts, customers, conversations, threads.
  [
    'an account of no channel',
    invalid('accounts_channel_not_empty', 'channel'),
    into('pigeonpost.accounts', { channel: ' ' }),
  ],
  [
    'an account of unknown status',
    invalid('accounts_status_known', 'status', /disabled/),
    change('pigeonpost.accounts', { status: 'off' }, { id: account_id }),
  ],
  [
    'an account of unknown time zone',
    invalid('accounts_time_zone_known', 'time_zone', /Europe\/Berlin/),
    into('pigeonpost.accounts', { channel: 'x', time_zone: 'Europe/Atlantis' }),
  ],
  [
    'a secret that is no name',
    { code: '23514', constraint: 'accounts_secret_ref_is_a_name' },
    into('pigeonpost.accounts', { channel: 'x', secret_ref: 'hunter2' }),
  ],
  [
    'a rate of none',
    { code: '23514', constraint: 'accounts_rate_is_positive' },
    into('pigeonpost.accounts', { channel: 'x', rate_per_minute: 0 }),
  ],
  [
    'a second default',
    { code: '23505', constraint: 'accounts_one_default' },
    async (tx) => {
      await tx`update pigeonpost.accounts set is_default = true where tenant_id = 1 and id = ${account_id}`
      await into('pigeonpost.accounts', {
        channel: 'whatsapp',
        address: '+15550001001',
        is_default: true,
      })(tx)
    },
  ],
  [
    'an account twice',
    { code: '23505', constraint: 'accounts_address_is_unique' },
    into('pigeonpost.accounts', { channel: 'SMS', address: '1 555 000 1000' }),
  ],
  [
    'an identity without an address',
    invalid('customer_identities_address_not_empty', 'address'),
    into('pigeonpost.customer_identities', {
      channel: 'email',
      address: '',
      customer_id: customer,
    }),
  ],
  [
    "another customer's address",
    { code: '23505', constraint: 'customer_identities_pkey' },
    into('pigeonpost.customer_identities', {
      channel: 'whatsapp',
      address: address.slice(1),
      customer_id: other.customer_id,
    }),
  ],
  [
    "an identity of another tenant's customer",
    { code: '23503', constraint: 'customer_identities_customer_exists' },
    into('pigeonpost.customer_identities', {
      channel: 'email',
      address: 'a@b.c',
      customer_id: stranger.customer_id,
    }),
  ],
  [
    'a lead twice',
    { code: '23505', constraint: 'customers_lead_id_is_unique' },
    async (tx) => {
      await tx`insert into pigeonpost.customers (tenant_id, lead_id) values (1, 5), (1, 5)`
    },
  ],
  [
    'a merge with nobody',
    { code: 'PPN01', constraint: 'merged_customers_exist', column: 'id', hint: /two customers/ },
    (tx) => tx`select pigeonpost.merge_customers(1, ${customer}, ${nobody})`,
  ],
  [
    "a merge with another tenant's customer",
    { code: 'PPN01', constraint: 'merged_customers_exist', column: 'id' },
    (tx) => tx`select pigeonpost.merge_customers(1, ${customer}, ${stranger.customer_id})`,
  ],
  [
    'a merge into who is merged',
    { ...conflict('merged_customers_are_alive', 'merged_into'), hint: /which it was merged into/ },
    (tx) => tx`select pigeonpost.merge_customers(1, ${merged}, ${other.customer_id})`,
  ],
  [
    'the same by hand',
    conflict('merged_customers_are_alive', 'merged_into'),
    change('pigeonpost.customers', { merged_into: merged }, { id: other.customer_id }),
  ],
  [
    'a merge undone',
    conflict('merged_customers_are_alive', 'merged_into'),
    change('pigeonpost.customers', { merged_into: null }, { id: merged }),
  ],
  [
    'a merge with oneself',
    { code: '23514', constraint: 'customers_not_merged_into_itself' },
    change('pigeonpost.customers', { merged_into: customer }, { id: customer }),
  ],
  [
    'an unknown type of conversation',
    invalid('conversations_type_known', 'type', /direct, multi or group/),
    into('pigeonpost.conversations', { type: 'chat', account_id }),
  ],
  [
    'an unknown status of a conversation',
    invalid('conversations_status_known', 'status', /open, closed or pending/),
    change('pigeonpost.conversations', { status: 'done' }, { id: conversation_id }),
  ],
  [
    'a direct conversation with nobody',
    invalid('conversations_direct_has_customer', 'customer_id'),
    into('pigeonpost.conversations', { account_id }),
  ],
  [
    'a group with one customer of its own',
    invalid('conversations_direct_has_customer', 'customer_id'),
    into('pigeonpost.conversations', {
      type: 'group',
      group_name: 'x',
      account_id,
      customer_id: customer,
    }),
  ],
  [
    "a conversation with another tenant's customer",
    {
      code: 'PPN01',
      constraint: 'conversations_customer_exists',
      column: 'customer_id',
      hint: /this tenant/,
    },
    into('pigeonpost.conversations', { account_id, customer_id: stranger.customer_id }),
  ],
  [
    "a conversation of another tenant's account",
    {
      code: 'PPA01',
      constraint: 'conversations_account_exists',
      column: 'account_id',
      hint: /leave account_id out/,
    },
    into('pigeonpost.conversations', { account_id: stranger.account_id, customer_id: customer }),
  ],
  [
    'a second direct conversation',
    { code: '23505', constraint: 'conversations_one_direct' },
    into('pigeonpost.conversations', { account_id, customer_id: customer }),
  ],
  [
    'a conversation that changes sides',
    conflict('conversations_sides_never_change'),
    change('pigeonpost.conversations', { type: 'multi' }, { id: conversation_id }),
  ],
  [
    'a conversation that changes accounts',
    conflict('conversations_sides_never_change'),
    change('pigeonpost.conversations', { account_id: disabled }, { id: conversation_id }),
  ],
  [
    'an unknown role',
    invalid('conversation_participants_role_known', 'role', /owner, admin or member/),
    into('pigeonpost.conversation_participants', {
      conversation_id: multi,
      account_id,
      role: 'king',
    }),
  ],
  [
    'a participant who is nobody',
    invalid('conversation_participants_is_customer_or_account', 'customer_id'),
    into('pigeonpost.conversation_participants', { conversation_id: multi }),
  ],
  [
    'a participant who is two',
    invalid('conversation_participants_is_customer_or_account', 'customer_id'),
    into('pigeonpost.conversation_participants', {
      conversation_id: multi,
      account_id,
      customer_id: customer,
    }),
  ],
  [
    "another tenant's account in a conversation",
    {
      code: 'PPA01',
      constraint: 'conversation_participants_account_exists',
      column: 'account_id',
      hint: /this tenant/,
    },
    into('pigeonpost.conversation_participants', {
      conversation_id: multi,
      account_id: stranger.account_id,
    }),
  ],
  [
    "another tenant's customer in a conversation",
    { code: '23503', constraint: 'conversation_participants_customer_exists' },
    into('pigeonpost.conversation_participants', {
      conversation_id: multi,
      customer_id: stranger.customer_id,
    }),
  ],
  [
    "a participant in another tenant's conversation",
    { code: '23503', constraint: 'conversation_participants_conversation_exists' },
    into('pigeonpost.conversation_participants', {
      conversation_id: stranger.conversation_id,
      customer_id: customer,
    }),
  ],
  [
    'a direct conversation that loses a side',
    conflict('direct_keeps_both'),
    change('pigeonpost.conversation_participants', { left_at: new Date() }, { conversation_id }),
  ],
  [
    'one whose side is deleted',
    conflict('direct_keeps_both'),
    (tx) =>
      tx`delete from pigeonpost.conversation_participants where tenant_id = 1 and conversation_id = ${conversation_id}`,
  ],
  [
    'one whose side moves away',
    conflict('direct_keeps_both'),
    (tx) => tx`
    update pigeonpost.conversation_participants set conversation_id = ${group.conversation_id} where tenant_id = 1 and conversation_id = ${conversation_id} and account_id is not null`,
  ],
  [
    'a multi conversation of one',
    conflict('multi_has_two_participants'),
    (tx) =>
      tx`delete from pigeonpost.conversation_participants where tenant_id = 1 and conversation_id = ${multi} and customer_id = ${customer}`,
  ],
  [
    'an unknown status of a thread',
    invalid('threads_status_known', 'status', /archived/),
    change('pigeonpost.threads', { status: 'closed' }, { id: message.thread_id }),
  ],
  [
    'a thread that wakes up',
    { ...conflict('threads_stay_archived', 'status'), hint: /opens a new thread/ },
    change('pigeonpost.threads', { status: 'active' }, { id: archived.thread_id }),
  ],
  [
    'a second active thread',
    { code: '23505', constraint: 'threads_one_active' },
    into('pigeonpost.threads', { conversation_id, channel: 'whatsapp' }),
  ],
  // Updates, views, ingest.
  [
    'an update of an unknown kind',
    invalid('update_kind_known', 'kind', /receipt, edit, revoke or reaction/),
    update({ kind: 'poke' }),
  ],
  [
    'a receipt of an unknown status',
    invalid('receipt_status_known', 'status', /failed/),
    update({ kind: 'receipt', status: 'seen' }),
  ],
  ['an update that is none', invalid('update_is_an_object'), update([] as never)],
  [
    'an update at no time',
    invalid('update_time_known', 'at', /ISO 8601/),
    update({ kind: 'revoke', at: 'yesterday-ish' }),
  ],
  ['an edit without a body', invalid('edit_has_body', 'body', /revoke/), update({ kind: 'edit' })],
  [
    'an update of no message',
    invalid('update_names_its_message', 'external_message_id'),
    update({ kind: 'revoke' }, ''),
  ],
  ...Object.keys({ tenant_id: 1, ...et }).map((column): Case => [
    `a document 002 row without ${column}`,
    invalid(`et_messages_${column}_is_named`, column, /raw_json/),
    into('et_messages', { ...et, [column]: null }),
  ]),
  [
    'a document 002 row of no time',
    invalid('et_messages_timestamp_in_range', 'timestamp', /milliseconds/),
    into('et_messages', { ...et, timestamp: '9000000000000000' }),
  ],
  [
    'an unknown type through the view',
    invalid('messages_content_type_known', 'content_type'),
    into('et_messages', { ...et, message_type: 'sticker' }),
  ],
  [
    'a message that changes through the view',
    conflict('messages_sides_never_change'),
    (tx) => tx`update et_messages set lead_id = 9 where tenant_id = 1`,
  ],
  [
    'a thread that is inserted',
    { ...conflict('threads_open_by_themselves'), hint: /thread_id left out/ },
    into('et_threads', { lead_id: 7, channel: 'whatsapp' }),
  ],
  [
    'a thread that changes sides',
    conflict('threads_sides_never_change'),
    (tx) => tx`update et_threads set channel = 'sms' where tenant_id = 1`,
  ],
  [
    'a thread that wakes up through the view',
    conflict('threads_stay_archived'),
    (tx) => tx`update et_threads set status = 'active' where tenant_id = 1`,
  ],
  [
    'ingest of what is no array',
    invalid('ingest_messages_are_an_array', undefined, /array of objects/),
    (tx) => tx`select * from pigeonpost.ingest('{}')`,
  ],
  [
    'ingest through its door',
    invalid('ingest_messages_are_an_array'),
    into('pigeonpost.ingest_batches', { messages: sql.json(1) }),
  ],
  [
    'ingest of two tenants',
    invalid('ingest_is_of_one_tenant', 'tenant_id', /same tenant_id/),
    (tx) => tx`select * from pigeonpost.ingest('[{"tenant_id": 1}, {"tenant_id": 2}]')`,
  ],
  [
    'a message more than the day takes',
    {
      code: 'PPA02',
      constraint: 'daily_limit_reached',
      column: 'account_id',
      hint: /next day begins/,
    },
    async (tx) => {
      await tx`update pigeonpost.accounts set daily_limit = 0 where tenant_id = 1`
      await tx`select pigeonpost_private.accept_message(1, ${sent.id})`
    },
  ],
  // What there is once only.
  [
    'a key twice',
    { code: '23505', constraint: 'api_keys_hash_is_unique' },
    (tx) => tx`
      insert into pigeonpost.api_keys (tenant_id, name, prefix, hash, scopes)
      select 1, 'x', 'x', sha256('x'), '{}' from generate_series(1, 2)`,
  ],
  [
    'an account of ours in a conversation twice',
    { code: '23505', constraint: 'conversation_participants_account_is_unique' },
    (tx) => tx`
      insert into pigeonpost.conversation_participants (tenant_id, conversation_id, account_id)
      select 1, ${multi}::uuid, ${account_id}::uuid from generate_series(1, 2)`,
  ],
  [
    "another conversation's number",
    { code: '23505', constraint: 'conversations_number_is_unique' },
    (tx) => tx`
      insert into pigeonpost.conversations (tenant_id, type, group_name, number)
      select 1, 'group', 'x', c.number from pigeonpost.conversations c where c.tenant_id = 1 limit 1`,
  ],
  [
    "another thread's number",
    { code: '23505', constraint: 'threads_number_is_unique' },
    (tx) => tx`
      insert into pigeonpost.threads (tenant_id, conversation_id, channel, status, number)
      select 1, t.conversation_id, t.channel, 'archived', t.number from pigeonpost.threads t where t.tenant_id = 1 limit 1`,
  ],
  [
    "another message's number",
    { code: 'PPV01', constraint: 'messages_number_is_drawn', column: 'number' },
    insert({ number: message.number }),
  ],
  [
    'a version of a message twice',
    { code: '23505', constraint: 'message_history_version_is_unique' },
    (tx) => tx`
      insert into pigeonpost.message_history (tenant_id, message_id, conversation_id, direction, kind, body_version, edited_by)
      select 1, ${message.id}::uuid, ${conversation_id}::uuid, 'inbound', 'edit', 2, 'x' from generate_series(1, 2)`,
  ],
  [
    'a route at the place of another',
    { code: '23505', constraint: 'provider_routes_position_is_unique' },
    (tx) => tx`
      insert into pigeonpost.provider_routes (tenant_id, position, provider)
      select 1, 1, 'x' from generate_series(1, 2)`,
  ],
  // What Postgres itself refuses.
  ['a body with NUL', { code: '22021' }, insert({ body: 'a\0b' })],
  ['raw JSON with NUL', { code: '22P05' }, (tx) => tx`select ('{"a": "\\u0000"}'::jsonb) ->> 'a'`],
  ['raw JSON with a lone surrogate', { code: '22P02' }, (tx) => tx`select '"\\ud800"'::jsonb`],
  [
    'an id that is none',
    { code: '22P02' },
    (tx) =>
      tx.unsafe(
        `insert into pigeonpost.messages (tenant_id, direction, external_message_id, customer_id) values (1, 'inbound', 'x', 'x')`,
      ),
  ],
  [
    'a number out of range',
    { code: '22003' },
    (tx) =>
      tx.unsafe(
        `insert into pigeonpost.messages (tenant_id, direction, external_message_id, lead_id) values (1, 'inbound', 'x', 9223372036854775808)`,
      ),
  ],
]

t.test('bad input gets an error that names it, and changes nothing', async (t) => {
  const before = await contents(sql)
  for (const [title, expected, work] of cases) {
    await refuses(
      t,
      sql.begin(async (tx) => void (await work(tx as Db))),
      expected,
      title,
    )
    const after = await contents(sql)
    if (JSON.stringify(after) !== JSON.stringify(before))
      t.same(after, before, `${title}: nothing is written`)
  }
  t.same(await contents(sql), before, 'nothing is written')
})

t.test('a foreign tenant gets one too, and so does one that nobody founded', async (t) => {
  const before = await contents(sql)
  const foreign = {
    tenant_id: 2,
    address: '+27837777777',
    direction: 'inbound',
    external_message_id: 'x',
  }
  await refuses(
    t,
    bridge`insert into pigeonpost.messages ${bridge(foreign)}`,
    {
      code: 'PPT01',
      constraint: 'tenant_is_granted',
      column: 'tenant_id',
      hint: new RegExp(`grant_tenant\\('${bridge.role}', 2\\)`),
    },
    'not bound',
  )
  await refuses(
    t,
    app.begin(async (tx) => {
      await tx`set local pigeonpost.tenant = 99`
      await tx`insert into pigeonpost.messages ${tx({ ...foreign, tenant_id: 99 })}`
    }),
    {
      code: 'PPT01',
      constraint: 'tenant_exists',
      column: 'tenant_id',
      hint: /insert into pigeonpost\.tenants/,
    },
    'not founded',
  )
  t.same(await contents(sql), before, 'nothing is written')
})

t.test('a bad row of ingest() is refused alone, with the same words', async (t) => {
  const rows = [
    { tenant_id, direction: 'inbound', address: 'x', external_message_id: 'i1', colour: 'red' },
    5,
    { tenant_id, direction: 'inbound', address, external_message_id: 'i2', status: 'banana' },
    { tenant_id, direction: 'inbound', address, external_message_id: 'i3', sent_at: 'infinity' },
    { tenant_id, direction: 'inbound', address, external_message_id: 'x'.repeat(1025) },
    {
      tenant_id,
      direction: 'inbound',
      address,
      external_message_id: 'i5',
      reply_to_external_id: { id: 'i4' },
    },
    { tenant_id, direction: 'inbound', address, external_message_id: 'i4' },
  ]
  const answers = await sql.begin(async (tx) => {
    // One that is no object has no tenant; the door takes it from the batch.
    const [batch] =
      await tx`insert into pigeonpost.ingest_batches (tenant_id, messages) values (1, ${tx.json(rows)}) returning results`
    return batch?.['results'] as Record<string, Row>
  })
  t.match(
    Object.values(answers).map(({ outcome, code, constraint, field, hint }) => [
      outcome,
      code,
      constraint,
      field ?? null,
      typeof hint,
    ]),
    [
      ['refused', 'PPV01', 'ingest_field_known', 'colour', 'string'],
      ['refused', 'PPV01', 'ingest_message_is_an_object', null, 'string'],
      ['refused', 'PPV01', 'messages_status_known', 'status', 'string'],
      ['refused', 'PPV01', 'messages_sent_at_is_finite', 'sent_at', 'string'],
      [
        'refused',
        'PPV01',
        'messages_external_message_id_at_most_1024_bytes',
        'external_message_id',
        'string',
      ],
      ['refused', 'PPV01', 'messages_reply_names_a_message', 'reply_to_external_id', 'string'],
      ['stored', undefined, undefined, null, 'undefined'],
    ],
  )
})

/** For each check constraint, what it must not let through. */
const wrong: Record<string, [table: string, change: string]> = {
  accounts_burst_is_positive: ['accounts', 'burst = 0'],
  accounts_channel_not_empty: ['accounts', "channel = ''"],
  accounts_daily_limit_in_range: ['accounts', 'daily_limit = -1'],
  accounts_rate_is_positive: ['accounts', 'rate_per_minute = 0'],
  accounts_recipient_interval_in_range: ['accounts', `settings = '{"recipient_interval_ms": -1}'`],
  accounts_secret_ref_is_a_name: ['accounts', "secret_ref = 'hunter2'"],
  accounts_settings_are_an_object: ['accounts', "settings = '[]'"],
  accounts_status_known: ['accounts', "status = 'off'"],
  api_keys_hash_is_sha256: ['api_keys', "hash = 'x'"],
  api_keys_rate_is_positive: ['api_keys', 'rate_per_minute = 0'],
  clock_offset_is_one_row: ['clock_offset', 'only_one = false'],
  conversation_participants_is_customer_or_account: [
    'conversation_participants',
    'customer_id = null, account_id = null',
  ],
  conversation_participants_metadata_is_an_object: ['conversation_participants', "metadata = '1'"],
  conversation_participants_role_known: ['conversation_participants', "role = 'king'"],
  conversations_counters_in_range: ['conversations', 'unread_count = -1'],
  conversations_direct_has_customer: ['conversations', "type = 'direct', customer_id = null"],
  conversations_group_has_name: [
    'conversations',
    "type = 'group', customer_id = null, group_name = ''",
  ],
  conversations_group_metadata_is_an_object: ['conversations', "group_metadata = '1'"],
  conversations_not_merged_into_itself: ['conversations', 'merged_into = id'],
  conversations_status_known: ['conversations', "status = 'done'"],
  conversations_type_known: ['conversations', "type = 'chat', customer_id = null"],
  customer_identities_address_not_empty: ['customer_identities', "address = ''"],
  customers_counters_in_range: ['customers', 'total_messages = -1'],
  customers_metadata_is_an_object: ['customers', "metadata = '1'"],
  customers_not_merged_into_itself: ['customers', 'merged_into = id'],
  delivery_attempts_outcome_known: ['delivery_attempts', "outcome = 'lost'"],
  event_consumers_name_not_empty: ['event_consumers', "name = ''"],
  idempotent_requests_answer_is_whole: ['idempotent_requests', "response = '{}'"],
  idempotent_requests_hash_is_sha256: ['idempotent_requests', "request_hash = 'x'"],
  idempotent_requests_status_is_success: ['idempotent_requests', "status = 404, response = '{}'"],
  outbox_sending_has_attempt: ['outbox', "state = 'sending', attempt_id = null"],
  outbox_state_known: ['outbox', "state = 'sent'"],
  lock_salt_is_one_row: ['lock_salt', 'only_one = false'],
  log_cursors_name_known: ['log_cursors', "name = 'x'"],
  log_floor_is_one_row: ['log_floor', 'only_one = false'],
  media_filename_at_most_1024_bytes: ['media', "filename = repeat('x', 1025)"],
  media_files_hash_is_sha256: ['media_files', "sha256 = 'x'"],
  media_files_key_names_its_storage: ['media_files', 'storage = null'],
  media_files_metadata_is_an_object: ['media_files', "metadata = '1'"],
  media_files_only_infected_is_gone: ['media_files', "status = 'infected'"],
  media_files_preview_beside_file: [
    'media_files',
    "status = 'infected', storage = null, storage_key = null, preview_key = 'x'",
  ],
  media_files_size_in_range: ['media_files', 'size = -1'],
  media_files_status_known: ['media_files', "status = 'lost'"],
  media_has_a_source: ['media', 'message_id = null, position = null, file_id = null'],
  media_metadata_is_an_object: ['media', "metadata = '1'"],
  media_place_in_message: ['media', 'position = 0'],
  media_ready_is_stored: ['media', "status = 'clean', storage_key = null"],
  media_size_in_range: ['media', 'size = -1'],
  media_status_known: ['media', "status = 'lost'"],
  media_tasks_kind_known: ['media_tasks', "kind = 'wish'"],
  message_history_kind_known: ['message_history', "kind = 'typo'"],
  provider_routes_channel_is_a_name: ['provider_routes', "channel = 'SMS'"],
  provider_routes_content_type_known: ['provider_routes', "content_type = 'document'"],
  provider_routes_country_prefix_is_dialled: ['provider_routes', "country_prefix = '27'"],
  provider_routes_position_is_positive: ['provider_routes', 'position = 0'],
  provider_routes_provider_not_empty: ['provider_routes', "provider = ''"],
  tenant_roles_tenant_is_positive_or_all: ['tenant_roles', 'tenant_id = -1'],
  tenants_id_is_positive: ['tenants', 'tenant_id = 0'],
  tenants_retention_is_in_days: ['tenants', `settings = '{"retention": {"webhook_inbox": 0}}'`],
  tenants_settings_are_an_object: ['tenants', "settings = '[]'"],
  threads_status_known: ['threads', "status = 'closed'"],
  webhook_inbox_status_known: ['webhook_inbox', "status = 'lost'"],
}

t.test(
  'each check constraint holds by itself, whatever the triggers in front of it do',
  async (t) => {
    const constraints = await sql<{ name: string }[]>`
    select c.conname as name from pg_constraint c join pg_class r on r.oid = c.conrelid
    where c.contype = 'c' and not r.relispartition
      and c.connamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`
    t.strictSame(
      constraints.map(({ name }) => name).toSorted(),
      Object.keys(wrong).toSorted(),
      'each has a line here',
    )
    await undone(async (tx) => {
      // Triggers and foreign keys stand back; check constraints do not.
      await tx`set local session_replication_role = replica`
      for (const [constraint, [table, change]] of Object.entries(wrong)) {
        const schema = [
          'clock_offset',
          'lock_salt',
          'log_cursors',
          'log_floor',
          'media_tasks',
        ].includes(table)
          ? 'pigeonpost_private'
          : 'pigeonpost'
        await refuses(
          t,
          tx.savepoint((inner) => inner.unsafe(`update ${schema}.${table} set ${change}`)),
          { code: '23514', constraint },
          constraint,
        )
      }
    })
  },
)

t.test('each foreign key holds by itself', async (t) => {
  const keys = await sql<{ table: string; name: string; column: string }[]>`
    select c.conrelid::regclass::text as table, c.conname as name, a.attname as column
    from pg_constraint c join pg_class r on r.oid = c.conrelid
    join pg_attribute a on a.attrelid = r.oid and a.attnum = c.conkey[array_upper(c.conkey, 1)]
    where c.contype = 'f' and not r.relispartition and c.connamespace = 'pigeonpost'::regnamespace order by 1, 2`
  t.strictSame(
    keys.map(({ name }) => name),
    [
      'accounts_tenant_exists',
      'api_keys_tenant_exists',
      'conversation_participants_conversation_exists',
      'conversation_participants_customer_exists',
      'conversations_customer_exists',
      'conversations_merged_into_exists',
      'customer_identities_customer_exists',
      'customers_merged_into_exists',
      'delivery_attempts_message_exists',
      'media_file_exists',
      'media_message_exists',
      'message_history_message_exists',
      'message_reactions_message_exists',
      'message_statuses_message_exists',
      'messages_thread_is_the_conversations',
      'provider_routes_account_exists',
      'provider_routes_tenant_exists',
      'threads_conversation_exists',
    ],
  )
  await undone(async (tx) => {
    for (const table of new Set(keys.map((key) => key.table))) {
      await tx.unsafe(`alter table ${table} disable trigger user`)
    }
    for (const { table, name, column } of keys) {
      const value = column === 'tenant_id' ? '999999' : 'gen_random_uuid()'
      await refuses(
        t,
        tx.savepoint((inner) =>
          inner.unsafe(`
            update ${table} set ${column} = ${value}
            where ctid = (select ctid from ${table} order by ${column} is null limit 1)`),
        ),
        { code: '23503', constraint: name },
        name,
      )
    }
  })
})

/** A transaction that is rolled back, in a world where no table is empty. */
async function undone(
  work: (tx: postgres.TransactionSql<{ bigint: number }>) => Promise<void>,
): Promise<void> {
  class Undo extends Error {}
  const trial = sql.begin(async (tx) => {
    await tx`insert into pigeonpost.api_keys (tenant_id, name, prefix, hash, scopes) values (1, 'x', 'x', sha256('x'), '{}')`
    await tx`insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, outcome) values (1, ${sent.id}, 1, ${sent.id}, 'sent')`
    await tx`insert into pigeonpost.event_consumers (tenant_id, name) values (1, 'x')`
    await tx`insert into pigeonpost.provider_routes (tenant_id, position, provider) values (1, 1, 'x')`
    await tx`insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body) values (1, 'x', '/', '')`
    await tx`
      with file as (
        insert into pigeonpost.media_files (tenant_id, sha256, size, content_type, storage, storage_key)
        values (1, sha256('x'), 1, 'x', 'folder', 'x') returning id)
      insert into pigeonpost.media (tenant_id, file_id, message_id, position) select 1, f.id, ${sent.id}, 1 from file f`
    await tx`insert into pigeonpost.idempotent_requests (tenant_id, key, request_hash) values (1, 'x', sha256('x'))`
    await tx`insert into pigeonpost_private.clock_offset (ahead) values ('1 s')`
    await tx`insert into pigeonpost.message_statuses (tenant_id, message_id, status) values (1, ${sent.id}, 'sent')`
    await tx`insert into pigeonpost.message_reactions (tenant_id, message_id, sender, reacted_at) values (1, ${sent.id}, '', now())`
    await tx`update pigeonpost.messages set body = 'three' where tenant_id = 1 and id = ${sent.id}`
    await tx`set constraints all immediate`
    await work(tx)
    throw new Undo()
  })
  await trial.catch((error: unknown) => {
    if (!(error instanceof Undo)) throw error
  })
}

t.test('no error of the fixtures is without a case here, a hint and a class', async (t) => {
  const root = join(import.meta.dirname, '..', '..')
  const folder = join(root, 'migrations', 'fixtures')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const classes = await readFile(join(root, 'db', 'errors.ts'), 'utf8')
  const elsewhere = new Set([
    'tenant_is_granted',
    'tenant_exists',
    'ingest_field_known',
    'ingest_message_is_an_object',
    'messages_reply_names_a_message',
    // race.test.ts
    'conversations_close_alone',
    // consumers.test.ts
    'cursor_above_floor',
  ])
  const raised = texts.join('\n').match(/raise exception '[^]*?;\n/g) ?? []
  t.ok(raised.length > 50)
  for (const text of raised) {
    const code = /errcode = '(PP[A-Z]\d\d|40001)'/.exec(text)?.[1] ?? ''
    const [, start = '', end = ''] =
      /constraint = '(\w+)'(?: \|\| \w+ \|\| '(\w+)')?/.exec(text) ?? []
    const column = /column = '(\w+)'/.exec(text)?.[1]
    t.match(text, /hint = /, `${start}: a hint`)
    // What may be tried again has no class of its own.
    t.match(
      classes,
      code === '40001' ? `'${code}'` : `${code}:`,
      `${start}: a class in db/errors.ts`,
    )
    const covered = cases.some(
      ([, expected]) =>
        expected.code === code &&
        expected.constraint !== undefined &&
        (end
          ? expected.constraint.startsWith(start) && expected.constraint.endsWith(end)
          : expected.constraint === start) &&
        (!column || expected.column === undefined || expected.column === column),
    )
    t.ok(covered || elsewhere.has(start), `${start}: a case`)
  }
})
