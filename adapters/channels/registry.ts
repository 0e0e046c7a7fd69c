import type { Channel } from './channel.ts'
import { fakechat } from './fakechat/index.ts'

/** Every channel that can receive, by name. */
export const channels: ReadonlyMap<string, Channel> = new Map([[fakechat.name, fakechat]])
