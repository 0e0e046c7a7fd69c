export { channelUnknown, type OpenWebhook, type Webhook } from './open.ts'
export {
  createReceiver,
  receiveWebhook,
  type ReceivedWebhook,
  type Receiver,
  type ReceiverOptions,
  type WebhookError,
} from './queue.ts'
export { createReplay, type Replay } from './replay.ts'
