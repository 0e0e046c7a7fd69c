// Made by test/dump-api-types.ts from /openapi.json.
export interface paths {
  "/health/live": {
    /** Whether the process answers */
    get: operations["getLiveness"];
  };
  "/health/ready": {
    /** Whether it can serve; `details` name what is missing */
    get: operations["getReadiness"];
  };
  "/api/v1/messages": {
    /**
     * Messages, newest first
     * @description Scope `messages:read`.
     */
    get: operations["listMessages"];
    /**
     * Queue a message
     * @description Scope `messages:write`.
     */
    post: operations["sendMessage"];
  };
  "/api/v1/messages/{id}": {
    /**
     * A message and its status
     * @description Scope `messages:read`.
     */
    get: operations["getMessage"];
  };
  "/api/v1/messages/statistics": {
    /**
     * How many messages there are, by status, direction and type
     * @description Scope `messages:read`.
     */
    get: operations["getMessageStatistics"];
  };
  "/api/v1/messages/{id}/read": {
    /**
     * Mark a message that came in as read
     * @description Scope `messages:write`.
     */
    put: operations["markMessageRead"];
  };
  "/api/v1/messages/{id}/retry": {
    /**
     * Queue a failed message again
     * @description Scope `messages:write`.
     */
    post: operations["retryMessage"];
  };
  "/api/v1/messages/{id}/cancel": {
    /**
     * Take back a message that has not left
     * @description Scope `messages:write`.
     */
    post: operations["cancelMessage"];
  };
  "/api/v1/messages/{id}/resolve": {
    /**
     * Settle a message whose outcome is unknown
     * @description Scope `messages:write`.
     */
    post: operations["resolveMessage"];
  };
  "/api/v1/messages/retry": {
    /**
     * Queue failed messages again, by ids or by a filter
     * @description Scope `messages:write`.
     */
    post: operations["retryMessages"];
  };
  "/api/messages/sms": {
    /**
     * Queue a text or a multimedia message
     * @description Scope `messages:write`.
     */
    post: operations["sendSms"];
  };
  "/api/messages/email": {
    /**
     * Queue an email
     * @description Scope `messages:write`.
     */
    post: operations["sendEmail"];
  };
  "/metrics": {
    /**
     * Metrics of the tenant, for Prometheus
     * @description Scope `metrics`.
     */
    get: operations["getMetrics"];
  };
  "/api/v1/events": {
    /**
     * The log of events, by pages or as a stream
     * @description With `Accept: text/event-stream` it goes on: each event comes with its id, type and the JSON that a page has of it.
     */
    get: operations["listEvents"];
  };
  "/api/v1/conversations": {
    /**
     * Conversations with who is in them and their latest messages
     * @description Scope `conversations:read`.
     */
    get: operations["listConversations"];
    /**
     * Open a conversation, or find the direct one that there is
     * @description Scope `conversations:write`.
     */
    post: operations["createConversation"];
  };
  "/api/v1/conversations/{id}": {
    /**
     * A conversation with who is in it and its latest messages
     * @description Scope `conversations:read`.
     */
    get: operations["getConversation"];
    /**
     * Change its status, or the name, avatar or metadata of a group
     * @description Scope `conversations:write`.
     */
    patch: operations["updateConversation"];
  };
  "/api/v1/conversations/{id}/close": {
    /**
     * Close a conversation; the next message reopens it
     * @description Scope `conversations:write`.
     */
    post: operations["closeConversation"];
  };
  "/api/v1/conversations/{id}/reopen": {
    /**
     * Open a conversation again
     * @description Scope `conversations:write`.
     */
    post: operations["reopenConversation"];
  };
  "/api/v1/conversations/{id}/pending": {
    /**
     * Set a conversation pending; it stays so when messages come
     * @description Scope `conversations:write`.
     */
    post: operations["setConversationPending"];
  };
  "/api/v1/conversations/{id}/participants": {
    /**
     * Who is in a conversation
     * @description Scope `conversations:read`.
     */
    get: operations["listParticipants"];
    /**
     * Bring a customer or an account of ours into a conversation
     * @description Scope `conversations:write`.
     */
    post: operations["addParticipant"];
  };
  "/api/v1/conversations/{id}/participants/{participantId}": {
    /**
     * Take a participant out of a conversation
     * @description Scope `conversations:write`.
     */
    delete: operations["removeParticipant"];
    /**
     * Change what a participant is: owner, admin or member
     * @description Scope `conversations:write`.
     */
    patch: operations["changeParticipantRole"];
  };
  "/api/v1/conversations/{id}/messages": {
    /**
     * What was said in a conversation, newest first
     * @description Scope `conversations:read`.
     */
    get: operations["listConversationMessages"];
  };
  "/api/v1/conversations/{id}/threads": {
    /**
     * The threads of a conversation, newest first
     * @description Scope `conversations:read`.
     */
    get: operations["listConversationThreads"];
  };
  "/api/v1/conversations/{id}/threads/current/archive": {
    /**
     * End the active thread; the next message opens another
     * @description Scope `conversations:write`.
     */
    post: operations["archiveCurrentThread"];
  };
  "/api/v1/threads/{id}": {
    /**
     * A thread, with when it began and ended
     * @description Scope `conversations:read`.
     */
    get: operations["getThread"];
  };
  "/api/v1/threads/{id}/history": {
    /**
     * What was said in a thread, oldest first, also as chat turns
     * @description Scope `conversations:read`.
     */
    get: operations["getThreadHistory"];
  };
  "/api/v1/threads/{id}/archive": {
    /**
     * End a thread; the next message opens another
     * @description Scope `conversations:write`.
     */
    post: operations["archiveThread"];
  };
  "/api/v1/customers": {
    /**
     * Customers and their addresses
     * @description Scope `customers:read`.
     */
    get: operations["listCustomers"];
    /**
     * Add a customer, with addresses or none
     * @description Scope `customers:write`.
     */
    post: operations["createCustomer"];
  };
  "/api/v1/customers/{id}": {
    /**
     * A customer and its addresses
     * @description Scope `customers:read`.
     */
    get: operations["getCustomer"];
    /**
     * Change its name, lead id or metadata
     * @description Scope `customers:write`.
     */
    patch: operations["updateCustomer"];
  };
  "/api/v1/customers/{id}/merge": {
    /**
     * Join it to another that turned out to be the same
     * @description Scope `customers:write`.
     */
    post: operations["mergeCustomer"];
  };
  "/api/v1/customers/{id}/identities": {
    /**
     * The addresses by which channels know a customer
     * @description Scope `customers:read`.
     */
    get: operations["listIdentities"];
    /**
     * Add an address to a customer
     * @description Scope `customers:write`.
     */
    post: operations["addIdentity"];
  };
  "/api/v1/customers/{id}/identities/{channel}/{address}": {
    /**
     * Take an address from a customer
     * @description Scope `customers:write`.
     */
    delete: operations["removeIdentity"];
  };
  "/api/v1/accounts": {
    /**
     * The accounts of the tenant
     * @description Scope `accounts:read`.
     */
    get: operations["listAccounts"];
    /**
     * Add an address of ours
     * @description Scope `accounts:write`.
     */
    post: operations["createAccount"];
  };
  "/api/v1/accounts/{id}": {
    /**
     * An account
     * @description Scope `accounts:read`.
     */
    get: operations["getAccount"];
    /**
     * Change an account: its name, provider, settings or limits
     * @description Scope `accounts:write`.
     */
    patch: operations["updateAccount"];
  };
  "/api/v1/accounts/{id}/connect": {
    /**
     * Let an account send what waits for it
     * @description Scope `accounts:write`.
     */
    post: operations["connectAccount"];
  };
  "/api/v1/accounts/{id}/disconnect": {
    /**
     * Have what an account is to send wait
     * @description Scope `accounts:write`.
     */
    post: operations["disconnectAccount"];
  };
  "/api/v1/accounts/{id}/enable": {
    /**
     * Take a disabled account into use again
     * @description Scope `accounts:write`.
     */
    post: operations["enableAccount"];
  };
  "/api/v1/accounts/{id}/disable": {
    /**
     * Refuse what an account is to send
     * @description Scope `accounts:write`.
     */
    post: operations["disableAccount"];
  };
  "/api/v1/accounts/{id}/limits": {
    /**
     * How much an account may send, and what is left of today
     * @description Scope `accounts:read`.
     */
    get: operations["getAccountLimits"];
  };
  "/api/v1/accounts/{id}/health": {
    /**
     * Whether an account sends, and how well its provider does
     * @description Scope `accounts:read`.
     */
    get: operations["getAccountHealth"];
  };
  "/api/v1/keys": {
    /**
     * API keys, newest first
     * @description Scope `keys:read`.
     */
    get: operations["listKeys"];
    /**
     * Make an API key; its secret is shown this once
     * @description Scope `keys:write`.
     */
    post: operations["createKey"];
  };
  "/api/v1/keys/{id}/rotate": {
    /**
     * Make a key in place of another, that may do the same
     * @description Scope `keys:write`.
     */
    post: operations["rotateKey"];
  };
  "/api/v1/keys/{id}": {
    /**
     * End a key
     * @description Scope `keys:write`.
     */
    delete: operations["revokeKey"];
  };
  "/api/v1/media": {
    /**
     * Upload a file
     * @description Scope `messages:write`. Of a listed type (JPEG, PNG, GIF, WebP, MP4, MPEG, MP3, OGG, WAV, PDF, DOC, DOCX), told by its content.
     */
    post: operations["uploadMedia"];
  };
  "/api/v1/media/{id}": {
    /**
     * A file and its state
     * @description Scope `messages:read`.
     */
    get: operations["getMedia"];
    /**
     * Delete it; the file goes with the last row that shows it
     * @description Scope `messages:write`.
     */
    delete: operations["deleteMedia"];
  };
  "/api/v1/media/{id}/download": {
    /**
     * A link to the file, that expires
     * @description Scope `messages:read`.
     */
    get: operations["linkMediaDownload"];
  };
  "/api/v1/media/{id}/preview": {
    /**
     * A link to its thumbnail (WebP)
     * @description Scope `messages:read`.
     */
    get: operations["linkMediaPreview"];
  };
  "/api/webhooks/{channel}": {
    /**
     * Take a webhook for the account that its payload names
     * @description Needs a key with the scope `webhooks`. The account is opened where it is new.
     */
    post: operations["receiveWebhook"];
  };
  "/api/webhooks/{channel}/{accountId}": {
    /** Answer the handshake of a provider that has one */
    get: operations["verifyWebhook"];
    /**
     * Take a webhook for an account
     * @description Those of discord, sendgrid, telegram, twilio, whatsapp prove themselves by their signatures, over the account's secret; others need a key with the scope `webhooks`.
     */
    post: operations["receiveAccountWebhook"];
  };
}
/** OneOf type helpers */
type Without<T, U> = { [P in Exclude<keyof T, keyof U>]?: never };
type XOR<T, U> = (T | U) extends object ? (Without<T, U> & U) | (Without<U, T> & T) : T | U;
type OneOf<T extends any[]> = T extends [infer Only] ? Only : T extends [infer A, infer B, ...infer Rest] ? OneOf<[XOR<A, B>, ...Rest]> : never;


export type webhooks = Record<string, never>;

export interface components {
  schemas: {
    Error: {
      /** @constant */
      success: false;
      /** @description What went wrong, for programs */
      code: string;
      /** @description The same for people */
      message: string;
      /** @description The fields of the request that it is about */
      details: {
          field: string;
          message: string;
          hint?: string;
        }[];
    };
    QueuedMessage: {
      /** Format: uuid */
      id: string;
      /** @enum {string} */
      status: "Queued" | "Sent" | "Delivered" | "Read" | "Failed";
      /** Format: uuid */
      whatsappAccountId: string;
      /** Format: uuid */
      accountId: string;
      contactId: string | null;
      /** @enum {string} */
      type: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
      content: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
    };
    Message: {
      /** Format: uuid */
      id: string;
      number: number;
      channel: string;
      /** Format: uuid */
      accountId: string;
      /** Format: uuid */
      whatsappAccountId: string;
      contactId: string | null;
      senderContactId: string | null;
      /** Format: uuid */
      conversationId: string;
      /** Format: uuid */
      threadId: string;
      campaignId: string | null;
      /** @enum {string} */
      direction: "Inbound" | "Outbound" | "System";
      /** @description The counterpart's: to whom it goes, or from whom it came */
      address: string | null;
      /** @enum {string} */
      type: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
      content: string | null;
      mediaUrl: string | null;
      mediaId: string | null;
      externalMessageId: string | null;
      whatsappMessageId: string | null;
      replyToId: string | null;
      /** @enum {string} */
      status: "Queued" | "Sent" | "Delivered" | "Read" | "Failed";
      /** @description The status in full: scheduled, queued, sending, retrying, canceled, unknown and the rest */
      state: string;
      errorCode: string | null;
      errorMessage: string | null;
      provider: string | null;
      attempts: number;
      nextAttemptAt: string | null;
      priority: number;
      scheduledFor: string | null;
      validUntil: string | null;
      sentAt: string | null;
      deliveredAt: string | null;
      readAt: string | null;
      failedAt: string | null;
      revokedAt: string | null;
      isFromBot: boolean;
      isProcessed: boolean;
      metadata: {
        [key: string]: unknown;
      };
      createdBy: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updatedAt: string;
    };
    Account: {
      /** Format: uuid */
      id: string;
      channel: string;
      address: string | null;
      name: string | null;
      provider: string | null;
      /** @enum {string} */
      status: "connected" | "disconnected" | "disabled";
      statusReason: string | null;
      isDefault: boolean;
      ratePerMinute: number | null;
      burst: number;
      dailyLimit: number | null;
      timeZone: string;
      settings: {
        [key: string]: unknown;
      };
      /** @description The name of a secret, never the secret */
      secretRef: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updatedAt: string;
    };
    AccountLimits: {
      ratePerMinute: number | null;
      burst: number;
      dailyLimit: number | null;
      timeZone: string;
      today: {
        /** @description The account's local date */
        day: string;
        /** @description Null where no daily limit has it counted */
        accepted: number | null;
        remaining: number | null;
        /**
         * Format: date-time
         * @description ISO 8601, UTC
         */
        nextDayAt: string;
      };
    };
    AccountHealth: {
      /** @enum {string} */
      status: "connected" | "disconnected" | "disabled";
      statusReason: string | null;
      isConnected: boolean;
      provider: string | null;
      /** @description Of its provider; open: nothing is sent by it but one try at a time after openUntil */
      breaker: {
        /** @enum {string} */
        state: "closed" | "open";
        failures: number;
        openUntil: string | null;
        lastError: string | null;
      };
      /** @description For how long the oldest of those queued could have been sent; null where none is */
      oldestWaitingSeconds: number | null;
    };
    OutboxMessage: {
      /** Format: uuid */
      id: string;
      number: number;
      /** Format: uuid */
      conversation_id: string;
      /** Format: uuid */
      thread_id: string;
      /** @enum {string} */
      inbound_or_outbound: "inbound" | "outbound" | "system";
      /** @description From whom: an address */
      endpoint_source: string | null;
      /** @description To whom: an address */
      endpoint_target: string | null;
      /** @description sms, mms, email, or the name of another channel */
      type: string;
      /** @description Of an email in HTML the HTML */
      body: string | null;
      attachments: string[];
      /** @description When the caller made it, as it was given, or when it was sent to us */
      timestamp: string;
      /** @enum {string} */
      status_tag: "outbox" | "retry" | "ok" | "failed";
      status_payload: {
        /** @description The status in full: queued, sending, retrying, delivered … */
        state: string;
        attempts: number;
        next_attempt_at: string | null;
        error_code: string | null;
        error_message: string | null;
      };
      /** @description By which provider it goes, or came */
      provider_id: string | null;
      /** @description The provider's own id of it */
      provider_message_id: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      created_at: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updated_at: string;
    };
    Participant: {
      /** Format: uuid */
      id: string;
      /** Format: uuid */
      conversationId: string;
      customerId: string | null;
      /** @description Of an account of ours; then customerId is null */
      accountId: string | null;
      /** @enum {string} */
      role: "owner" | "admin" | "member";
      name: string | null;
      /** @description By which the conversation's channel knows them */
      address: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      joinedAt: string;
      leftAt: string | null;
      metadata: {
        [key: string]: unknown;
      };
    };
    ConversationMessage: {
      /** Format: uuid */
      id: string;
      number: number;
      /** Format: uuid */
      conversation_id: string;
      /** Format: uuid */
      thread_id: string;
      /** @enum {string} */
      inbound_or_outbound: "inbound" | "outbound" | "system";
      /** @description From whom: an address */
      endpoint_source: string | null;
      /** @description To whom: an address */
      endpoint_target: string | null;
      /** @description Of an email in HTML the HTML */
      body: string | null;
      attachments: string[];
      /** @description When the caller made it, as it was given, or when it was sent to us */
      timestamp: string;
      /** @enum {string} */
      status_tag: "outbox" | "retry" | "ok" | "failed";
      status_payload: {
        /** @description The status in full: queued, sending, retrying, delivered … */
        state: string;
        attempts: number;
        next_attempt_at: string | null;
        error_code: string | null;
        error_message: string | null;
      };
      /** @description By which provider it goes, or came */
      provider_id: string | null;
      /** @description The provider's own id of it */
      provider_message_id: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      created_at: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updated_at: string;
      channel: string;
      /** Format: uuid */
      accountId: string;
      /** Format: uuid */
      whatsappAccountId: string;
      contactId: string | null;
      senderContactId: string | null;
      /** Format: uuid */
      conversationId: string;
      /** Format: uuid */
      threadId: string;
      campaignId: string | null;
      /** @enum {string} */
      direction: "Inbound" | "Outbound" | "System";
      /** @description The counterpart's: to whom it goes, or from whom it came */
      address: string | null;
      /** @enum {string} */
      type: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
      content: string | null;
      mediaUrl: string | null;
      mediaId: string | null;
      externalMessageId: string | null;
      whatsappMessageId: string | null;
      replyToId: string | null;
      /** @enum {string} */
      status: "Queued" | "Sent" | "Delivered" | "Read" | "Failed";
      /** @description The status in full: scheduled, queued, sending, retrying, canceled, unknown and the rest */
      state: string;
      errorCode: string | null;
      errorMessage: string | null;
      provider: string | null;
      attempts: number;
      nextAttemptAt: string | null;
      priority: number;
      scheduledFor: string | null;
      validUntil: string | null;
      sentAt: string | null;
      deliveredAt: string | null;
      readAt: string | null;
      failedAt: string | null;
      revokedAt: string | null;
      isFromBot: boolean;
      isProcessed: boolean;
      metadata: {
        [key: string]: unknown;
      };
      createdBy: string | null;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updatedAt: string;
    };
    Conversation: {
      /** Format: uuid */
      id: string;
      number: number;
      /** @enum {string} */
      type: "direct" | "multi" | "group";
      /** @enum {string} */
      status: "open" | "closed" | "pending";
      /** Format: uuid */
      accountId: string;
      channel: string;
      /** @description Of a direct conversation */
      customerId: string | null;
      address: string | null;
      /** @description The channel's own id: of a group, of a mail thread */
      externalId: string | null;
      groupName: string | null;
      groupAvatar: string | null;
      groupMetadata: {
        [key: string]: unknown;
      };
      lastMessageAt: string | null;
      unreadCount: number;
      totalMessages: number;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updatedAt: string;
      /** @description The first 100 who are in it */
      participants: components["schemas"]["Participant"][];
      /** @description The 20 latest, newest first */
      messages: components["schemas"]["Message"][];
    };
    Thread: {
      /** Format: uuid */
      id: string;
      number: number;
      /** Format: uuid */
      conversationId: string;
      customerId: string | null;
      channel: string;
      /** @enum {string} */
      status: "active" | "archived";
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      archivedAt: string | null;
    };
    ThreadWithTimes: {
      /** Format: uuid */
      id: string;
      number: number;
      /** Format: uuid */
      conversationId: string;
      customerId: string | null;
      channel: string;
      /** @enum {string} */
      status: "active" | "archived";
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      archivedAt: string | null;
      firstMessageAt: string | null;
      lastMessageAt: string | null;
    };
    Identity: {
      channel: string;
      address: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
    };
    Customer: {
      /** Format: uuid */
      id: string;
      /** @description The CRM's number of it, or one of ours past 32 bits */
      leadId: number;
      name: string | null;
      /** @description The channel of its first address */
      externalType: string | null;
      /** @description Its first address */
      externalId: string | null;
      metadata: {
        [key: string]: unknown;
      };
      lastMessageAt: string | null;
      unreadCount: number;
      /** @description In its direct conversations */
      totalMessages: number;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      createdAt: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      updatedAt: string;
      identities: components["schemas"]["Identity"][];
    };
    Event: ({
      /** @description The cursor. */
      id: number;
      /** @enum {string} */
      type: "account.connected" | "account.disabled" | "account.disconnected" | "conversation.closed" | "conversation.opened" | "conversation.participant.added" | "conversation.participant.removed" | "customer.created" | "customer.merged" | "media.rejected" | "media.uploaded" | "message.edited" | "message.inbound.created" | "message.outbound.created" | "message.reclassified" | "message.removed" | "message.revoked" | "message.status" | "message.system.created" | "thread.archived" | "thread.opened";
      /** Format: date-time */
      createdAt: string;
      /** @description As the documents have it, in snake_case. */
      payload: {
        [key: string]: unknown;
      };
    }) & ({
      /** @constant */
      type: "account.connected";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
      };
    } | {
      /** @constant */
      type: "account.disabled";
      payload: {
        reason?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
      };
    } | {
      /** @constant */
      type: "account.disconnected";
      payload: {
        reason?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
      };
    } | ({
      /** @constant */
      type: "conversation.closed";
      payload: {
        /** @enum {unknown} */
        type: "direct" | "multi" | "group" | "";
        channel: string | null;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /** Format: uuid */
        thread_id?: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @description The customers who were there. */
        participants: string[];
        /** Format: uuid */
        conversation_id: string;
      };
    }) | ({
      /** @constant */
      type: "conversation.opened";
      payload: {
        /** @enum {unknown} */
        type: "direct" | "multi" | "group" | "";
        channel: string | null;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /** @constant */
        reopened?: true;
        /** Format: uuid */
        thread_id?: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @description The customers who were there. */
        participants: string[];
        /** Format: uuid */
        conversation_id: string;
      };
    }) | ({
      /** @constant */
      type: "conversation.participant.added";
      payload: {
        /** @enum {unknown} */
        role: "owner" | "admin" | "member";
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** Format: uuid */
        conversation_id: string;
      };
    }) | ({
      /** @constant */
      type: "conversation.participant.removed";
      payload: {
        /** @enum {unknown} */
        role: "owner" | "admin" | "member";
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** Format: uuid */
        conversation_id: string;
      };
    }) | {
      /** @constant */
      type: "customer.created";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id: string;
      };
    } | {
      /** @constant */
      type: "customer.merged";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id: string;
        /**
         * Format: uuid
         * @description Who is now a tombstone that points at customer_id.
         */
        merged_customer_id: string;
        /** @description Which conversations, and which second copies of messages, became one. */
        joined_conversations: {
            /** Format: uuid */
            from: string;
            /** Format: uuid */
            into: string;
            messages: {
                /** Format: uuid */
                from: string;
                /** Format: uuid */
                into: string;
              }[];
          }[];
      };
    } | ({
      /** @constant */
      type: "media.rejected";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        filename: string | null;
        /** Format: uuid */
        media_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** Format: uuid */
        thread_id?: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        error_code?: string;
        /** Format: uuid */
        message_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @description A MIME type. */
        content_type: string | null;
        /** Format: uuid */
        conversation_id?: string;
      };
    }) | ({
      /** @constant */
      type: "media.uploaded";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        filename: string | null;
        /** Format: uuid */
        media_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** Format: uuid */
        thread_id?: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id?: string;
        /** Format: uuid */
        message_id?: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @description A MIME type. */
        content_type: string | null;
        /** Format: uuid */
        conversation_id?: string;
      };
    }) | ({
      /** @constant */
      type: "message.edited";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        channel?: string;
        /** @description Of the body; the first is 1. */
        version: number;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | ({
      /** @constant */
      type: "message.inbound.created";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        /** @enum {unknown} */
        status?: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        channel?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | ({
      /** @constant */
      type: "message.outbound.created";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        /** @enum {unknown} */
        status?: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        channel?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | ({
      /** @constant */
      type: "message.reclassified";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body?: string | null;
        /** @enum {unknown} */
        status: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        channel?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
        /** @enum {unknown} */
        previous_content_type: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
      };
    }) | ({
      /** @constant */
      type: "message.removed";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        /** @enum {unknown} */
        status: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
      };
    }) | ({
      /** @constant */
      type: "message.revoked";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        channel?: string;
        /** @description Of the body; the first is 1. */
        version: number;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | ({
      /** @constant */
      type: "message.status";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body?: string | null;
        /** @enum {unknown} */
        status: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        channel?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        error_code?: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @enum {unknown} */
        previous_status: "queued" | "sent" | "delivered" | "read" | "failed" | "canceled" | "unknown";
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | ({
      /** @constant */
      type: "message.system.created";
      payload: {
        /** @description The version that the event speaks of; null with `redacted` where there is none any more. */
        body: string | null;
        channel?: string;
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /**
         * @description Why there is no body.
         * @enum {unknown}
         */
        redacted?: "revoked" | "erased" | "expired";
        /** @enum {unknown} */
        direction?: "inbound" | "outbound" | "system";
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /** Format: uuid */
        account_id: string;
        /** Format: uuid */
        message_id: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** @enum {unknown} */
        content_type?: "text" | "image" | "audio" | "video" | "file" | "location" | "structured";
        /** Format: uuid */
        conversation_id: string;
        /** @description The provider's id, as it is when the event is read. */
        external_message_id?: string | null;
      };
    }) | {
      /** @constant */
      type: "thread.archived";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** Format: uuid */
        conversation_id: string;
      };
    } | {
      /** @constant */
      type: "thread.opened";
      payload: {
        /**
         * Format: uuid
         * @description The same for every reader, each time it is read.
         */
        event_id: string;
        /** Format: uuid */
        thread_id: string;
        /**
         * Format: date-time
         * @description When it was stored: ISO 8601, UTC, milliseconds.
         */
        timestamp: string;
        /**
         * Format: uuid
         * @description Of a message: its sender, or the customer of a direct conversation.
         */
        customer_id?: string;
        /** Format: uuid */
        conversation_id: string;
      };
    });
    Statistics: {
      total: number;
      /** @description There are more in the time that was asked for: the newest 100000 were counted */
      totalIsEstimate: boolean;
      byStatus: {
        [key: string]: number;
      };
      byDirection: {
        [key: string]: number;
      };
      byType: {
        [key: string]: number;
      };
      /** @description (delivered + read) / (sent + delivered + read + failed), outbound; null of none */
      deliveryRate: number | null;
      /** @description read / (delivered + read), outbound; null of none */
      readRate: number | null;
    };
    HistoryEntry: {
      number: number;
      /** @enum {string} */
      direction: "Inbound" | "Outbound" | "System";
      /** @description As the channel knows them; null for us */
      sender: string | null;
      name: string | null;
      /** @enum {string} */
      type: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
      content: string | null;
      mediaUrl: string | null;
      /** @enum {string} */
      status: "Queued" | "Sent" | "Delivered" | "Read" | "Failed";
      state: string;
      /**
       * Format: date-time
       * @description ISO 8601, UTC
       */
      occurredAt: string;
      revokedAt: string | null;
    };
    Turn: {
      /** @enum {string} */
      role: "user" | "assistant" | "system";
      content: string;
      /** @description Of a user, where it is known */
      name?: string;
    };
  };
  responses: {
    /** @description Something in the request is wrong: `details` names the field */
    BadRequest: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The API key is missing, wrong, revoked or expired */
    Unauthorized: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The API key lacks the scope, or the page that asks is a foreign one */
    Forbidden: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description There is no such thing, or it is another tenant’s */
    NotFound: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The body stopped coming */
    TimedOut: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description Its state does not allow that, or another has what should be unique */
    Conflict: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The events after that cursor are no longer kept */
    Gone: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The body is too large */
    TooLarge: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description A part of the path is longer than any can be */
    PathTooLong: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The body is not of a content type that is taken here */
    UnsupportedMediaType: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The range begins after the end of the file */
    RangeWrong: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The file is infected, or is no picture that can be read */
    FileRefused: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The key has asked too often; Retry-After says when to ask again */
    TooManyRequests: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
        "Retry-After": components["headers"]["RetryAfter"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description Something went wrong on our side; it is in our log by its x-request-id */
    InternalError: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The database or the storage of files cannot be reached, or is busy; ask again after Retry-After */
    Unavailable: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
        "Retry-After": components["headers"]["RetryAfter"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
    /** @description The storage is full; free space on the server, then send it again */
    StorageFull: {
      headers: {
        "x-request-id": components["headers"]["RequestId"];
      };
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
  };
  parameters: {
    /** @description Makes a repeated request safe: the same key and body answer the same */
    IdempotencyKey?: string;
  };
  requestBodies: never;
  headers: {
    /** @description Of this request, as the log has it; the request’s own where it brought one */
    RequestId: string;
    /** @description Seconds */
    RetryAfter: number;
  };
  pathItems: never;
}

export type $defs = Record<string, never>;

export type external = Record<string, never>;

export interface operations {

  /** Whether the process answers */
  getLiveness: {
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** @enum {string} */
              status: "live";
              version: string;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /** Whether it can serve; `details` name what is missing */
  getReadiness: {
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** @enum {string} */
              status: "ready";
              /** @enum {string} */
              database: "ok";
              /** @enum {string} */
              migrations: "ok";
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Messages, newest first
   * @description Scope `messages:read`.
   */
  listMessages: {
    parameters: {
      query?: {
        whatsappAccountId?: string;
        /** @description The same */
        accountId?: string;
        /** @description Created at this moment or after */
        startDate?: string;
        /** @description Created before this moment */
        endDate?: string;
        contactId?: string;
        direction?: "Inbound" | "Outbound" | "System";
        type?: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
        status?: "Queued" | "Sent" | "Delivered" | "Read" | "Failed";
        campaignId?: string;
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 50 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              messages: components["schemas"]["Message"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Queue a message
   * @description Scope `messages:write`.
   */
  sendMessage: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          whatsappAccountId?: string | null;
          accountId?: string | null;
          to: string;
          /**
           * @default Text
           * @enum {string}
           */
          type?: "Text" | "Image" | "Video" | "Audio" | "Document" | "Location" | "Structured";
          content?: string | null;
          mediaUrl?: string | null;
          /** @description Of an upload, in place of mediaUrl */
          mediaId?: string | null;
          scheduledFor?: string | null;
          metadata?: {
            [key: string]: unknown;
          } | null;
        };
      };
    };
    responses: {
      /** @description Accepted */
      202: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            data: components["schemas"]["QueuedMessage"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A message and its status
   * @description Scope `messages:read`.
   */
  getMessage: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Message"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * How many messages there are, by status, direction and type
   * @description Scope `messages:read`.
   */
  getMessageStatistics: {
    parameters: {
      query?: {
        whatsappAccountId?: string;
        /** @description The same */
        accountId?: string;
        /** @description Created at this moment or after */
        startDate?: string;
        /** @description Created before this moment */
        endDate?: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Statistics"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Mark a message that came in as read
   * @description Scope `messages:write`.
   */
  markMessageRead: {
    parameters: {
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            data: components["schemas"]["Message"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Queue a failed message again
   * @description Scope `messages:write`.
   */
  retryMessage: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            data: components["schemas"]["Message"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take back a message that has not left
   * @description Scope `messages:write`.
   */
  cancelMessage: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            data: components["schemas"]["Message"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Settle a message whose outcome is unknown
   * @description Scope `messages:write`.
   */
  resolveMessage: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": OneOf<[{
          /** @enum {string} */
          status: "sent";
          externalMessageId?: string | null;
        }, {
          /** @enum {string} */
          status: "failed";
        }, {
          /** @enum {string} */
          status: "queued";
        }]>;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            data: components["schemas"]["Message"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Queue failed messages again, by ids or by a filter
   * @description Scope `messages:write`.
   */
  retryMessages: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          ids?: string[];
          /** Format: uuid */
          accountId?: string;
          /** Format: uuid */
          whatsappAccountId?: string;
          channel?: string;
          campaignId?: string;
          errorCode?: string;
          /** @description That failed at this moment or after */
          startDate?: string;
          /** @description That failed before this moment */
          endDate?: string;
          /**
           * @description At most so many, the oldest first
           * @default 100
           */
          limit?: number;
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              retried: string[];
              unchanged: ({
                  id: string;
                  state: ("scheduled" | "queued" | "sending" | "sent" | "delivered" | "read" | "retrying" | "failed" | "canceled" | "unknown") | null;
                  /** @enum {string} */
                  reason: "unknown_id" | "status" | "expired" | "account_disabled";
                })[];
              /** @description The filter means more than the limit */
              more: boolean;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Queue a text or a multimedia message
   * @description Scope `messages:write`.
   */
  sendSms: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @description An address of ours: its account opens by itself */
          from: string;
          to: string;
          /**
           * @default sms
           * @enum {string}
           */
          type?: "sms" | "mms";
          body?: string | null;
          /** @description URLs; several make one message with several media */
          attachments?: string[] | null;
          /** @description When the caller made the message, such as 2024-11-01T14:00:00Z; it is kept with it */
          timestamp?: (string | number) | null;
        };
      };
    };
    responses: {
      /** @description Accepted */
      202: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["OutboxMessage"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Queue an email
   * @description Scope `messages:write`.
   */
  sendEmail: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @description An address of ours: its account opens by itself */
          from: string;
          to: string;
          subject?: string | null;
          /** @description Text or HTML */
          body?: string | null;
          /** @description URLs; several make one message with several media */
          attachments?: string[] | null;
          /** @description When the caller made the message, such as 2024-11-01T14:00:00Z; it is kept with it */
          timestamp?: (string | number) | null;
        };
      };
    };
    responses: {
      /** @description Accepted */
      202: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["OutboxMessage"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Metrics of the tenant, for Prometheus
   * @description Scope `metrics`.
   */
  getMetrics: {
    responses: {
      /** @description The text format of Prometheus */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "text/plain": string;
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * The log of events, by pages or as a stream
   * @description With `Accept: text/event-stream` it goes on: each event comes with its id, type and the JSON that a page has of it.
   */
  listEvents: {
    parameters: {
      query?: {
        /** @description Events after this id; 0 for the oldest that is kept. A stream begins with what comes, a page with 0. */
        after?: string;
        limit?: number;
        /** @description Only this type, or all that begin so (`message.*`); repeatable. */
        type?: string | string[];
      };
      header?: {
        /** @description Of a stream: events after this id */
        "Last-Event-ID"?: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              events: components["schemas"]["Event"][];
              /** @description Give it as `after` next, also where there were none. */
              cursor: number;
            };
          };
          "text/event-stream": string;
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      410: components["responses"]["Gone"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Conversations with who is in them and their latest messages
   * @description Scope `conversations:read`.
   */
  listConversations: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        status?: "open" | "closed" | "pending";
        type?: "direct" | "multi" | "group";
        channel?: string;
        accountId?: string;
        /** @description Who is in it; the UUID or the lead id */
        customerId?: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              conversations: components["schemas"]["Conversation"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Open a conversation, or find the direct one that there is
   * @description Scope `conversations:write`.
   */
  createConversation: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /**
           * @default direct
           * @enum {string}
           */
          type?: "direct" | "multi" | "group";
          accountId?: string | null;
          /** @description Its default account; where no accountId is given */
          channel?: string | null;
          /** @description Of a direct conversation */
          customerId?: (string | number) | null;
          /** @description Of a direct conversation, for customerId */
          address?: string | null;
          externalId?: string | null;
          groupName?: string | null;
          groupAvatar?: string | null;
          /** @default {} */
          groupMetadata?: {
            [key: string]: unknown;
          };
          /** @description Customer ids, or objects. Of a direct conversation: its one customer */
          participants?: ({
              customerId?: (string | number) | null;
              /** @description An account of ours */
              accountId?: string | null;
              /** @description On the conversation's channel; its customer is made if there is none */
              address?: string | null;
              /**
               * @default member
               * @enum {string}
               */
              role?: "owner" | "admin" | "member";
              /** @default {} */
              metadata?: {
                [key: string]: unknown;
              };
            })[];
        };
      };
    };
    responses: {
      /** @description The direct conversation that they have already */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A conversation with who is in it and its latest messages
   * @description Scope `conversations:read`.
   */
  getConversation: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Change its status, or the name, avatar or metadata of a group
   * @description Scope `conversations:write`.
   */
  updateConversation: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @enum {string} */
          status?: "open" | "closed" | "pending";
          groupName?: string;
          groupAvatar?: string | null;
          /** @description In place of what is there */
          groupMetadata?: {
            [key: string]: unknown;
          };
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Close a conversation; the next message reopens it
   * @description Scope `conversations:write`.
   */
  closeConversation: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Open a conversation again
   * @description Scope `conversations:write`.
   */
  reopenConversation: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Set a conversation pending; it stays so when messages come
   * @description Scope `conversations:write`.
   */
  setConversationPending: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Conversation"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Who is in a conversation
   * @description Scope `conversations:read`.
   */
  listParticipants: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        /** @description Also those who have left */
        left?: boolean;
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              participants: components["schemas"]["Participant"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Bring a customer or an account of ours into a conversation
   * @description Scope `conversations:write`.
   */
  addParticipant: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          customerId?: (string | number) | null;
          /** @description An account of ours */
          accountId?: string | null;
          /** @description On the conversation's channel; its customer is made if there is none */
          address?: string | null;
          /**
           * @default member
           * @enum {string}
           */
          role?: "owner" | "admin" | "member";
          /** @default {} */
          metadata?: {
            [key: string]: unknown;
          };
        };
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Participant"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take a participant out of a conversation
   * @description Scope `conversations:write`.
   */
  removeParticipant: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
        /** @description The participant's id, or its customer's or account's */
        participantId: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Participant"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Change what a participant is: owner, admin or member
   * @description Scope `conversations:write`.
   */
  changeParticipantRole: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
        /** @description The participant's id, or its customer's or account's */
        participantId: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @enum {string} */
          role: "owner" | "admin" | "member";
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Participant"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * What was said in a conversation, newest first
   * @description Scope `conversations:read`.
   */
  listConversationMessages: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              messages: components["schemas"]["ConversationMessage"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * The threads of a conversation, newest first
   * @description Scope `conversations:read`.
   */
  listConversationThreads: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        status?: "active" | "archived";
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              threads: components["schemas"]["Thread"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * End the active thread; the next message opens another
   * @description Scope `conversations:write`.
   */
  archiveCurrentThread: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            message: string;
            /** @description The thread that ended; null where nothing was said since the last one ended */
            data: components["schemas"]["Thread"] | null;
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A thread, with when it began and ended
   * @description Scope `conversations:read`.
   */
  getThread: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["ThreadWithTimes"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * What was said in a thread, oldest first, also as chat turns
   * @description Scope `conversations:read`.
   */
  getThreadHistory: {
    parameters: {
      query?: {
        format?: "messages" | "turns";
        /** @description Items per page, 1 to 100; default 50 */
        limit?: number;
        /** @description A message's number: only what was said before it */
        before?: string;
        /** @description The nextCursor of the page before, which is of what was said later */
        cursor?: string;
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: ({
              /** Format: uuid */
              threadId: string;
              messages: components["schemas"]["HistoryEntry"][];
              limit: number;
              /** @description For what was said before; null at the beginning */
              nextCursor: string | null;
            }) | ({
              /** Format: uuid */
              threadId: string;
              turns: components["schemas"]["Turn"][];
              limit: number;
              /** @description For what was said before; null at the beginning */
              nextCursor: string | null;
            });
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * End a thread; the next message opens another
   * @description Scope `conversations:write`.
   */
  archiveThread: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["ThreadWithTimes"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Customers and their addresses
   * @description Scope `customers:read`.
   */
  listCustomers: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        /** @description A part of the name, whatever the case */
        name?: string;
        /** @description A whole address, on any channel */
        address?: string;
        /** @description That has an address there */
        channel?: string;
        leadId?: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              customers: components["schemas"]["Customer"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Add a customer, with addresses or none
   * @description Scope `customers:write`.
   */
  createCustomer: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          name?: string | null;
          leadId?: number;
          /** @description In place of what is there */
          metadata?: {
            [key: string]: unknown;
          };
          identities?: {
              channel: string;
              address: string;
            }[];
        };
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Customer"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A customer and its addresses
   * @description Scope `customers:read`.
   */
  getCustomer: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Customer"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Change its name, lead id or metadata
   * @description Scope `customers:write`.
   */
  updateCustomer: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          name?: string | null;
          leadId?: number;
          /** @description In place of what is there */
          metadata?: {
            [key: string]: unknown;
          };
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Customer"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Join it to another that turned out to be the same
   * @description Scope `customers:write`.
   */
  mergeCustomer: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @description The customer that lives on */
          into: string | number;
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Customer"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * The addresses by which channels know a customer
   * @description Scope `customers:read`.
   */
  listIdentities: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              identities: components["schemas"]["Identity"][];
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Add an address to a customer
   * @description Scope `customers:write`.
   */
  addIdentity: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the number */
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          channel: string;
          address: string;
        };
      };
    };
    responses: {
      /** @description The customer had it */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Identity"];
          };
        };
      };
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Identity"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take an address from a customer
   * @description Scope `customers:write`.
   */
  removeIdentity: {
    parameters: {
      path: {
        /** @description The UUID, or the number */
        id: string;
        channel: string;
        address: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Identity"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * The accounts of the tenant
   * @description Scope `accounts:read`.
   */
  listAccounts: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        channel?: string;
        status?: "connected" | "disconnected" | "disabled";
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              accounts: components["schemas"]["Account"][];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Add an address of ours
   * @description Scope `accounts:write`.
   */
  createAccount: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          channel: string;
          /** @description Ours: the number, mailbox or bot */
          address?: string | null;
          name?: string | null;
          provider?: string | null;
          /** @description In place of what is there */
          settings?: {
            [key: string]: unknown;
          };
          secretRef?: string | null;
          /** @description Null: unlimited */
          ratePerMinute?: number | null;
          burst?: number;
          /** @description Null: unlimited */
          dailyLimit?: number | null;
          /** @description Of its day, such as Europe/Berlin */
          timeZone?: string;
          isDefault?: boolean;
        };
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * An account
   * @description Scope `accounts:read`.
   */
  getAccount: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Change an account: its name, provider, settings or limits
   * @description Scope `accounts:write`.
   */
  updateAccount: {
    parameters: {
      path: {
        id: string;
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @description Ours: the number, mailbox or bot */
          address?: string | null;
          name?: string | null;
          provider?: string | null;
          /** @description In place of what is there */
          settings?: {
            [key: string]: unknown;
          };
          secretRef?: string | null;
          /** @description Null: unlimited */
          ratePerMinute?: number | null;
          burst?: number;
          /** @description Null: unlimited */
          dailyLimit?: number | null;
          /** @description Of its day, such as Europe/Berlin */
          timeZone?: string;
          isDefault?: boolean;
        };
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Let an account send what waits for it
   * @description Scope `accounts:write`.
   */
  connectAccount: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Have what an account is to send wait
   * @description Scope `accounts:write`.
   */
  disconnectAccount: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": ({
          /** @description For people */
          reason?: string | null;
        }) | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take a disabled account into use again
   * @description Scope `accounts:write`.
   */
  enableAccount: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": Record<string, never> | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Refuse what an account is to send
   * @description Scope `accounts:write`.
   */
  disableAccount: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": ({
          /** @description For people */
          reason?: string | null;
        }) | null;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["Account"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * How much an account may send, and what is left of today
   * @description Scope `accounts:read`.
   */
  getAccountLimits: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["AccountLimits"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Whether an account sends, and how well its provider does
   * @description Scope `accounts:read`.
   */
  getAccountHealth: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: components["schemas"]["AccountHealth"];
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * API keys, newest first
   * @description Scope `keys:read`.
   */
  listKeys: {
    parameters: {
      query?: {
        /** @description From 1; default 1. Not with a cursor */
        page?: number;
        /** @description Items per page, 1 to 100; default 20 */
        limit?: number;
        /** @description The nextCursor of the page before */
        cursor?: string;
        /** @description Also those that are revoked or have expired */
        all?: boolean;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              keys: ({
                  /** Format: uuid */
                  id: string;
                  name: string;
                  /** @description How it begins, for people to tell keys apart */
                  prefix: string;
                  scopes: string[];
                  /** @description Null: unlimited */
                  ratePerMinute: number | null;
                  /** @description ISO 8601, UTC */
                  createdAt: string;
                  /** @description To the minute */
                  lastUsedAt: string | null;
                  expiresAt: string | null;
                  revokedAt: string | null;
                })[];
              /** @description Exact up to 10000, an estimate past it */
              total: number;
              totalIsEstimate: boolean;
              /** @description Null where a cursor was given */
              page: number | null;
              limit: number;
              totalPages: number;
              /** @description For the page behind this one; null on the last */
              nextCursor: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Make an API key; its secret is shown this once
   * @description Scope `keys:write`.
   */
  createKey: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
    };
    requestBody: {
      content: {
        "application/json": {
          /** @description For people: who uses it */
          name: string;
          /** @description What it may do; the key that asks has all of them itself */
          scopes: ("messages:read" | "messages:write" | "conversations:read" | "conversations:write" | "customers:read" | "customers:write" | "accounts:read" | "accounts:write" | "keys:read" | "keys:write" | "webhooks" | "metrics")[];
          /** @description Until when it works; null: for ever */
          expiresAt?: string | null;
          /** @description Requests that each server takes in a minute; null: unlimited */
          ratePerMinute?: number | null;
        };
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
              name: string;
              /** @description How it begins, for people to tell keys apart */
              prefix: string;
              scopes: string[];
              /** @description Null: unlimited */
              ratePerMinute: number | null;
              /** @description ISO 8601, UTC */
              createdAt: string;
              /** @description To the minute */
              lastUsedAt: string | null;
              expiresAt: string | null;
              revokedAt: string | null;
              /** @description The secret, this once; null where the request was repeated with its Idempotency-Key */
              key: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Make a key in place of another, that may do the same
   * @description Scope `keys:write`.
   */
  rotateKey: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
      };
      path: {
        /** @description The UUID, or the prefix */
        id: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": ({
          /** @description Until when the old one works, too; null: no more */
          endsAt?: string | null;
        }) | null;
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
              name: string;
              /** @description How it begins, for people to tell keys apart */
              prefix: string;
              scopes: string[];
              /** @description Null: unlimited */
              ratePerMinute: number | null;
              /** @description ISO 8601, UTC */
              createdAt: string;
              /** @description To the minute */
              lastUsedAt: string | null;
              expiresAt: string | null;
              revokedAt: string | null;
              /** @description The secret, this once; null where the request was repeated with its Idempotency-Key */
              key: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * End a key
   * @description Scope `keys:write`.
   */
  revokeKey: {
    parameters: {
      path: {
        /** @description The UUID, or the prefix */
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
              name: string;
              /** @description How it begins, for people to tell keys apart */
              prefix: string;
              scopes: string[];
              /** @description Null: unlimited */
              ratePerMinute: number | null;
              /** @description ISO 8601, UTC */
              createdAt: string;
              /** @description To the minute */
              lastUsedAt: string | null;
              expiresAt: string | null;
              revokedAt: string | null;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Upload a file
   * @description Scope `messages:write`. Of a listed type (JPEG, PNG, GIF, WebP, MP4, MPEG, MP3, OGG, WAV, PDF, DOC, DOCX), told by its content.
   */
  uploadMedia: {
    parameters: {
      header?: {
        "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
        /** @description Of a body that is no form: its name, percent-encoded; or Content-Disposition */
        "x-filename"?: string;
      };
    };
    requestBody: {
      content: {
        "multipart/form-data": {
          /** Format: binary */
          file: string;
        };
        "application/octet-stream": string;
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
              ownerService: string;
              filename: string | null;
              /** @description By its content, once it is here */
              contentType: string | null;
              /** @description Bytes */
              size: number | null;
              storageKey: string | null;
              /** @description Path of its thumbnail in this API */
              previewUrl: string | null;
              /** @description width and height in pixels, durationSeconds, pages, as the file has them */
              metadata: {
                [key: string]: unknown;
              };
              /**
               * @description pending: not fetched or not scanned yet; clean and unscanned can be downloaded and sent
               * @enum {string}
               */
              status: "pending" | "scanning" | "clean" | "infected" | "unscanned" | "failed";
              /** @description The message that brought it */
              messageId: string | null;
              /** @description Which of the message's files, from 1 */
              position: number | null;
              errorCode: string | null;
              errorMessage: string | null;
              createdBy: string | null;
              /** @description ISO 8601, UTC */
              createdAt: string;
              /** @description ISO 8601, UTC */
              updatedAt: string;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      408: components["responses"]["TimedOut"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      415: components["responses"]["UnsupportedMediaType"];
      422: components["responses"]["FileRefused"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
      507: components["responses"]["StorageFull"];
    };
  };
  /**
   * A file and its state
   * @description Scope `messages:read`.
   */
  getMedia: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
              ownerService: string;
              filename: string | null;
              /** @description By its content, once it is here */
              contentType: string | null;
              /** @description Bytes */
              size: number | null;
              storageKey: string | null;
              /** @description Path of its thumbnail in this API */
              previewUrl: string | null;
              /** @description width and height in pixels, durationSeconds, pages, as the file has them */
              metadata: {
                [key: string]: unknown;
              };
              /**
               * @description pending: not fetched or not scanned yet; clean and unscanned can be downloaded and sent
               * @enum {string}
               */
              status: "pending" | "scanning" | "clean" | "infected" | "unscanned" | "failed";
              /** @description The message that brought it */
              messageId: string | null;
              /** @description Which of the message's files, from 1 */
              position: number | null;
              errorCode: string | null;
              errorMessage: string | null;
              createdBy: string | null;
              /** @description ISO 8601, UTC */
              createdAt: string;
              /** @description ISO 8601, UTC */
              updatedAt: string;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Delete it; the file goes with the last row that shows it
   * @description Scope `messages:write`.
   */
  deleteMedia: {
    parameters: {
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** Format: uuid */
              id: string;
            };
          };
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      415: components["responses"]["UnsupportedMediaType"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A link to the file, that expires
   * @description Scope `messages:read`.
   */
  linkMediaDownload: {
    parameters: {
      query?: {
        /** @description true: 302 to the file itself */
        redirect?: boolean;
        /** @description Seconds for which the link holds */
        expiresIn?: number;
        /** @description Whether a browser saves it (attachment, the default) or shows it */
        disposition?: "attachment" | "inline";
      };
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** @description Anyone may fetch it, whole or in ranges, until it expires */
              url: string;
              /** @description ISO 8601, UTC */
              expiresAt: string;
            };
          };
        };
      };
      /** @description With redirect=true: Location has the link */
      302: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: never;
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * A link to its thumbnail (WebP)
   * @description Scope `messages:read`.
   */
  linkMediaPreview: {
    parameters: {
      query?: {
        /** @description true: 302 to the file itself */
        redirect?: boolean;
        /** @description Seconds for which the link holds */
        expiresIn?: number;
      };
      path: {
        id: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": {
            /** @enum {boolean} */
            success: true;
            data: {
              /** @description Anyone may fetch it, whole or in ranges, until it expires */
              url: string;
              /** @description ISO 8601, UTC */
              expiresAt: string;
            };
          };
        };
      };
      /** @description With redirect=true: Location has the link */
      302: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: never;
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      414: components["responses"]["PathTooLong"];
      429: components["responses"]["TooManyRequests"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take a webhook for the account that its payload names
   * @description Needs a key with the scope `webhooks`. The account is opened where it is new.
   */
  receiveWebhook: {
    parameters: {
      path: {
        /** @description Whose webhook it is */
        channel: "baileys" | "discord" | "email" | "fakechat" | "sendgrid" | "sms" | "telegram" | "twilio" | "whatsapp";
      };
    };
    requestBody: {
      content: {
        "application/json": unknown;
        "application/x-www-form-urlencoded": Record<string, never>;
        "multipart/form-data": Record<string, never>;
        "message/rfc822": string;
      };
    };
    responses: {
      /** @description It is kept; said as its provider expects */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": ({
            /** @enum {boolean} */
            success: true;
            data: {
              /** @description By which its bytes are kept */
              inboxId: string;
              messages: {
                  /** Format: uuid */
                  id: string;
                  [key: string]: unknown;
                }[];
              updates: {
                  [key: string]: unknown;
                }[] | number;
              duplicates: number;
              [key: string]: unknown;
            };
          }) | {
            [key: string]: unknown;
          };
          "text/xml": string;
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /** Answer the handshake of a provider that has one */
  verifyWebhook: {
    parameters: {
      query?: {
        /** @description WhatsApp’s: subscribe */
        "hub.mode"?: string;
        /** @description The secret verify_token of the account */
        "hub.verify_token"?: string;
        /** @description What is answered */
        "hub.challenge"?: string;
      };
      path: {
        /** @description Whose webhook it is */
        channel: "baileys" | "discord" | "email" | "fakechat" | "sendgrid" | "sms" | "telegram" | "twilio" | "whatsapp";
        /** @description The account of ours that it is for */
        accountId: string;
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "text/plain": string;
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
  /**
   * Take a webhook for an account
   * @description Those of discord, sendgrid, telegram, twilio, whatsapp prove themselves by their signatures, over the account's secret; others need a key with the scope `webhooks`.
   */
  receiveAccountWebhook: {
    parameters: {
      path: {
        /** @description Whose webhook it is */
        channel: "baileys" | "discord" | "email" | "fakechat" | "sendgrid" | "sms" | "telegram" | "twilio" | "whatsapp";
        /** @description The account of ours that it is for */
        accountId: string;
      };
    };
    requestBody: {
      content: {
        "application/json": unknown;
        "application/x-www-form-urlencoded": Record<string, never>;
        "multipart/form-data": Record<string, never>;
        "message/rfc822": string;
      };
    };
    responses: {
      /** @description It is kept; said as its provider expects */
      200: {
        headers: {
          "x-request-id": components["headers"]["RequestId"];
        };
        content: {
          "application/json": ({
            /** @enum {boolean} */
            success: true;
            data: {
              /** @description By which its bytes are kept */
              inboxId: string;
              messages: {
                  /** Format: uuid */
                  id: string;
                  [key: string]: unknown;
                }[];
              updates: {
                  [key: string]: unknown;
                }[] | number;
              duplicates: number;
              [key: string]: unknown;
            };
          }) | {
            [key: string]: unknown;
          };
          "text/xml": string;
        };
      };
      400: components["responses"]["BadRequest"];
      401: components["responses"]["Unauthorized"];
      403: components["responses"]["Forbidden"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["Conflict"];
      413: components["responses"]["TooLarge"];
      414: components["responses"]["PathTooLong"];
      500: components["responses"]["InternalError"];
      503: components["responses"]["Unavailable"];
    };
  };
}
