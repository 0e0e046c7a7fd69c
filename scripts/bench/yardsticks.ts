import { connect, type Sql } from '../../db/connect.ts'

/**
 * Yardsticks that do not change with our schema: the tables, indexes and trigger of the et_threads/et_messages contract,
 * verbatim, each variant in a database of its own, so that its names do not collide with our views.
 */
const tables = `
CREATE TABLE et_threads (
    id SERIAL PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    lead_id INTEGER NOT NULL,
    channel VARCHAR(50) NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'active',
    created_at TIMESTAMP NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_threads_lead ON et_threads(lead_id);
CREATE INDEX idx_threads_active ON et_threads(lead_id, channel, status);

CREATE TABLE et_messages (
    id SERIAL PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    lead_id INTEGER NOT NULL,
    thread_id INTEGER,
    channel VARCHAR(50) NOT NULL,
    message_id VARCHAR(255) NOT NULL,
    timestamp BIGINT NOT NULL,
    direction VARCHAR(20) NOT NULL,
    message_type VARCHAR(50) NOT NULL DEFAULT 'text',
    text_content TEXT,
    media_url TEXT,
    raw_json JSONB NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT NOW(),
    
    UNIQUE(channel, lead_id, message_id)
);

CREATE INDEX idx_msg_tenant ON et_messages(tenant_id);
CREATE INDEX idx_msg_lead ON et_messages(lead_id);
CREATE INDEX idx_msg_thread ON et_messages(thread_id);
CREATE INDEX idx_msg_conversation ON et_messages(thread_id, timestamp);
`

const notify = `
    PERFORM pg_notify('et_messages', json_build_object('id', NEW.id, 'tenant_id', NEW.tenant_id, 'thread_id', v_thread_id)::text);
`

/** With the contract's function, and with the NOTIFY that people add to such a trigger. */
const trigger = (extra: string) => `
CREATE OR REPLACE FUNCTION assign_thread()
RETURNS TRIGGER AS $$
DECLARE
    v_thread_id INTEGER;
BEGIN
    -- Find active thread for this lead + channel
    SELECT id INTO v_thread_id
    FROM et_threads
    WHERE lead_id = NEW.lead_id 
      AND channel = NEW.channel
      AND status = 'active'
    LIMIT 1;
    
    -- If no active thread, create one
    IF v_thread_id IS NULL THEN
        INSERT INTO et_threads (tenant_id, lead_id, channel)
        VALUES (NEW.tenant_id, NEW.lead_id, NEW.channel)
        RETURNING id INTO v_thread_id;
    END IF;
    
    -- Assign thread_id to message
    NEW.thread_id := v_thread_id;
    ${extra}
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER tr_assign_thread
BEFORE INSERT ON et_messages
FOR EACH ROW
EXECUTE FUNCTION assign_thread();
`

const yardsticks = {
  literal: tables + trigger(''),
  literal_notify: tables + trigger(notify),
  /** Without the trigger: the insert gives the thread. */
  literal_bare: tables,
} as const

export type Yardstick = keyof typeof yardsticks

/** The contract's insert, with parameters for: $1 message id, $2 lead, $3 text, $4 raw JSON. */
export const literalInsert = `
  INSERT INTO et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, message_type, text_content, raw_json)
  VALUES (101, $2, 'whatsapp', $1, (extract(epoch from now()) * 1000)::bigint, 'inbound', 'text', $3, $4::text::jsonb)`

/** The same where there is no trigger; $5 is the thread. */
export const literalBareInsert = `
  INSERT INTO et_messages (tenant_id, lead_id, thread_id, channel, message_id, timestamp, direction, message_type, text_content, raw_json)
  VALUES (101, $2, $5, 'whatsapp', $1, (extract(epoch from now()) * 1000)::bigint, 'inbound', 'text', $3, $4::text::jsonb)`

/** Makes the databases, with `leads` leads whose threads exist, and answers with each one's URL. */
export async function createYardsticks(
  sql: Sql,
  url: string,
  leads: number,
): Promise<Record<Yardstick, string>> {
  const urls: Partial<Record<Yardstick, string>> = {}
  for (const [name, definition] of Object.entries(yardsticks)) {
    await sql.unsafe(`drop database if exists ${name}`)
    await sql.unsafe(`create database ${name}`)
    const own = new URL(url)
    own.pathname = `/${name}`
    urls[name as Yardstick] = own.href
    const database = connect(own.href, { max: 1, name: 'bench' })
    await database.unsafe(definition)
    await database`
      insert into et_threads (tenant_id, lead_id, channel) select 101, i, 'whatsapp' from generate_series(1, ${leads}::integer) i`
    await database`analyze`
    await database.end()
  }
  return urls as Record<Yardstick, string>
}
