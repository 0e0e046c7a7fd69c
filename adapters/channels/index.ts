export * from './channel.ts'
export {
  createFakechatProvider,
  type FakechatOptions,
  type FakechatProvider,
} from './fakechat/index.ts'
export { receiveWebhook, type ReceivedWebhook, type Webhook } from './receive.ts'
export { channels } from './registry.ts'
