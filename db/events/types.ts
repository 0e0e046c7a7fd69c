// Made by test/dump-event-types.ts from migrations/fixtures/065_event_types.sql.

/** Every type of event, and the JSON Schema of its payload as read_events() shows it. */
export const eventTypes = {
  'account.connected': {
    description: "An account can send and receive again.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","account_id"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"}}},
  },
  'account.disabled': {
    description: "An account was taken out of use.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","account_id"],"properties":{"reason":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"}}},
  },
  'account.disconnected': {
    description: "An account lost its connection to the provider; what is queued waits.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","account_id"],"properties":{"reason":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"}}},
  },
  'conversation.closed': {
    description: "A conversation was closed.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","type","channel","participants"],"properties":{"type":{"enum":["direct","multi","group",null]},"channel":{"type":["string","null"]},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"participants":{"type":"array","items":{"type":"string","format":"uuid"},"description":"The customers who were there."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'conversation.opened': {
    description: "A conversation was made, or a closed one reopened.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","type","channel","participants"],"properties":{"type":{"enum":["direct","multi","group",null]},"channel":{"type":["string","null"]},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"reopened":{"const":true},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"participants":{"type":"array","items":{"type":"string","format":"uuid"},"description":"The customers who were there."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'conversation.participant.added': {
    description: "Somebody joined a conversation after it was made.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","role"],"properties":{"role":{"enum":["owner","admin","member"]},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'conversation.participant.removed': {
    description: "Somebody left a conversation.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","role"],"properties":{"role":{"enum":["owner","admin","member"]},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'customer.created': {
    description: "Somebody wrote, or was written to, for the first time.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","customer_id"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."}}},
  },
  'customer.merged': {
    description: "Two customers turned out to be one.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","customer_id","merged_customer_id","joined_conversations"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"merged_customer_id":{"type":"string","format":"uuid","description":"Who is now a tombstone that points at customer_id."},"joined_conversations":{"type":"array","items":{"type":"object","required":["from","into","messages"],"properties":{"from":{"type":"string","format":"uuid"},"into":{"type":"string","format":"uuid"},"messages":{"type":"array","items":{"type":"object","required":["from","into"],"properties":{"from":{"type":"string","format":"uuid"},"into":{"type":"string","format":"uuid"}}}}}},"description":"Which conversations, and which second copies of messages, became one."}}},
  },
  'media.rejected': {
    description: "A file was refused: infected, or not available.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","media_id","filename","content_type"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"filename":{"type":["string","null"]},"media_id":{"type":"string","format":"uuid"},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"error_code":{"type":"string"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"type":["string","null"],"description":"A MIME type."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'media.uploaded': {
    description: "A file is stored and can be read.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","media_id","filename","content_type"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"filename":{"type":["string","null"]},"media_id":{"type":"string","format":"uuid"},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"type":["string","null"],"description":"A MIME type."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'message.edited': {
    description: "The body of a message changed.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","version","body"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"channel":{"type":"string"},"version":{"type":"integer","minimum":2,"description":"Of the body; the first is 1."},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'message.inbound.created': {
    description: "A message from a customer was stored.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","body"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"channel":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'message.outbound.created': {
    description: "A message of ours was stored, to be sent unless it was sent elsewhere.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","body"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"channel":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'message.reclassified': {
    description: "The content type of a message changed.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","direction","status","content_type","previous_content_type"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"channel":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."},"previous_content_type":{"enum":["text","image","audio","video","file","location","structured"]}}},
  },
  'message.removed': {
    description: "A message was deleted, as a second copy is by a merge.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","direction","status","content_type","body","redacted"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'message.revoked': {
    description: "A message was taken back.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","version","body"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"channel":{"type":"string"},"version":{"type":"integer","minimum":2,"description":"Of the body; the first is 1."},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'message.status': {
    description: "The status of a message changed.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","status","previous_status"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"channel":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"error_code":{"type":"string"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"previous_status":{"enum":["queued","sent","delivered","read","failed","canceled","unknown"]},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'message.system.created': {
    description: "A note that is sent to nobody was stored.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","message_id","conversation_id","thread_id","account_id","body"],"properties":{"body":{"type":["string","null"],"description":"The version that the event speaks of; null with `redacted` where there is none any more."},"channel":{"type":"string"},"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"redacted":{"enum":["revoked","erased","expired"],"description":"Why there is no body."},"direction":{"enum":["inbound","outbound","system"]},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"account_id":{"type":"string","format":"uuid"},"message_id":{"type":"string","format":"uuid"},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"content_type":{"enum":["text","image","audio","video","file","location","structured"]},"conversation_id":{"type":"string","format":"uuid"},"external_message_id":{"type":["string","null"],"description":"The provider's id, as it is when the event is read."}}},
  },
  'thread.archived': {
    description: "A thread ended; the next message opens another.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","thread_id"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
  'thread.opened': {
    description: "The first message of a new thread was stored.",
    since: "0.1.0",
    payload: {"type":"object","required":["event_id","timestamp","conversation_id","thread_id"],"properties":{"event_id":{"type":"string","format":"uuid","description":"The same for every reader, each time it is read."},"thread_id":{"type":"string","format":"uuid"},"timestamp":{"type":"string","format":"date-time","description":"When it was stored: ISO 8601, UTC, milliseconds."},"customer_id":{"type":"string","format":"uuid","description":"Of a message: its sender, or the customer of a direct conversation."},"conversation_id":{"type":"string","format":"uuid"}}},
  },
} as const

export type EventType = keyof typeof eventTypes
