/** A provider only: inbound mail comes through ../email or ../sendgrid. */
export { smtpProvider } from './send.ts'
