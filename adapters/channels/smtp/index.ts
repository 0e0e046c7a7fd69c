/** A provider only: what comes in by mail comes through ../email or ../sendgrid. */
export { smtpProvider } from './send.ts'
