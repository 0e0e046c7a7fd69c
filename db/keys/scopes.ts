/** What a key may do; a route names the one that it needs. */
export const scopes = ['messages:read', 'messages:write', 'webhooks', 'metrics'] as const
export type Scope = (typeof scopes)[number]
