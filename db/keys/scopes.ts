/** What a key may do; a route names the one that it needs. */
export const scopes = [
  'messages:read',
  'messages:write',
  'conversations:read',
  'conversations:write',
  'customers:read',
  'customers:write',
  'accounts:read',
  'accounts:write',
  'keys:read',
  'keys:write',
  'webhooks',
  'metrics',
] as const
export type Scope = (typeof scopes)[number]
