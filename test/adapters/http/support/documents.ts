/** The examples of the source documents, to the letter. */

/** The WhatsApp message API, "Send Message". */
export const send = {
  request: `{
  "whatsappAccountId": "uuid",
  "to": "+1234567890",
  "type": "Text",
  "content": "Hello, World!",
  "mediaUrl": "https://example.com/image.jpg",
  "scheduledFor": "2025-11-06T10:00:00Z"
}`,
  answer: `{
  "success": true,
  "message": "Message queued for sending",
  "data": {
    "id": "uuid",
    "status": "Queued",
    "whatsappAccountId": "uuid",
    "contactId": "uuid",
    "type": "Text",
    "content": "Hello, World!",
    "createdAt": "2025-11-05T10:00:00Z"
  }
}`,
}

/** The WhatsApp message API, "Get Messages". */
export const list = {
  path: '/api/v1/messages?whatsappAccountId=uuid&page=1&limit=50',
  parameters: `- \`whatsappAccountId\` (optional): Filter by WhatsApp account
- \`contactId\` (optional): Filter by contact
- \`direction\` (optional): Inbound or Outbound
- \`type\` (optional): Text, Image, Video, Audio, Document
- \`status\` (optional): Queued, Sent, Delivered, Read, Failed
- \`startDate\` (optional): ISO date string
- \`endDate\` (optional): ISO date string
- \`page\` (optional): Page number (default: 1)
- \`limit\` (optional): Items per page (default: 50, max: 100)`,
  answer: `{
  "success": true,
  "data": {
    "messages": [...],
    "total": 100,
    "page": 1,
    "limit": 50,
    "totalPages": 2
  }
}`.replace('[...]', '[]'),
}

/** The WhatsApp message API, "Get Message Statistics". */
export const statistics = {
  path: '/api/v1/messages/statistics?whatsappAccountId=uuid',
  answer: `{
  "success": true,
  "data": {
    "total": 1000,
    "byStatus": {
      "Queued": 10,
      "Sent": 500,
      "Delivered": 400,
      "Read": 80,
      "Failed": 10
    },
    "byDirection": {
      "Inbound": 600,
      "Outbound": 400
    },
    "byType": {
      "Text": 900,
      "Image": 80,
      "Video": 20
    }
  }
}`,
}

/** The WhatsApp message API's "Message Table", without `userId`: the key's tenant replaces it. */
export const messageModel = `
  id                String             @id @default(uuid())
  whatsappAccountId String
  contactId         String
  campaignId        String?
  direction         MessageDirection   // Inbound, Outbound
  type              MessageType        // Text, Image, Video, Audio, Document
  content           String             @db.Text
  mediaUrl          String?
  whatsappMessageId String             @unique
  status            MessageStatus      // Queued, Sent, Delivered, Read, Failed
  errorMessage      String?
  scheduledFor      DateTime?
  sentAt            DateTime?
  deliveredAt       DateTime?
  readAt            DateTime?
  isFromBot         Boolean            @default(false)
  createdAt         DateTime           @default(now())
  updatedAt         DateTime           @updatedAt
`

/** Customers and conversations. */
export const conversations = `
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    type conversation_type NOT NULL DEFAULT 'direct',
    group_name TEXT,
    group_avatar TEXT,
    group_metadata JSONB DEFAULT '{}'::jsonb,
    status conversation_status NOT NULL DEFAULT 'open',
    last_message_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
`
export const participants = `
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id UUID NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    customer_id UUID NOT NULL,
    role TEXT DEFAULT 'member',
    joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    metadata JSONB DEFAULT '{}'::jsonb,
`

/** A webhook of fakechat. */
export const webhook = `{
  "platform": "fakechat",
  "user": { "id": "+27831234567" },
  "message": {
    "id": "abc123",
    "type": "text",
    "content": "Hello",
    "timestamp": 1733768400
  }
}`

/** Documents 000 (section 2.5) and 001 (section 3.5). */
export const events = {
  'message.inbound.created': `{
  "event_id": "uuid",
  "message_id": "uuid",
  "conversation_id": "uuid",
  "direction": "inbound",
  "body": "Hello",
  "timestamp": "2025-12-01T10:01:00Z"
}`,
  'message.outbound.created': `{
  "event_id": "uuid",
  "message_id": "uuid",
  "conversation_id": "uuid",
  "direction": "outbound",
  "body": "Hello there",
  "timestamp": "2025-12-01T10:01:00Z"
}`,
  'conversation.opened': `{
  "event_id": "uuid",
  "conversation_id": "uuid",
  "type": "group",
  "participants": ["uuid1", "uuid2"],
  "timestamp": "2025-12-01T10:00:00Z"
}`,
  'conversation.participant.added': `{
  "conversation_id": "uuid",
  "customer_id": "uuid",
  "role": "member",
  "timestamp": "2025-12-01T10:05:00Z"
}`,
}

/** The messaging-service API names its endpoints without their bodies; these have the fields that they take. */
export const sms = {
  from: '+12016661234',
  to: '+18045551234',
  type: 'sms',
  body: 'Hello! This is a test SMS message.',
  attachments: null,
  timestamp: '2024-11-01T14:00:00Z',
}
export const email = {
  from: 'user@usehatchapp.com',
  to: 'contact@gmail.com',
  body: 'Hello! This is a test email message with <b>HTML</b> formatting',
  attachments: ['https://example.com/document.pdf'],
  timestamp: '2024-11-01T14:00:00Z',
}
