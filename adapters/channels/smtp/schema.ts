import { z } from 'zod'

/** An account's settings for sending by SMTP, as in RFC 5321 and RFC 8314. */
export const smtpSettings = z
  .looseObject({
    host: z.string().min(1),
    /** Default 465 where `secure`, else 587. */
    port: z.number().int().min(1).max(65_535).nullish(),
    /** TLS from the first byte. Default: on port 465. */
    secure: z.boolean().nullish(),
    /** Whether STARTTLS is a must where the connection is not `secure`. Default: unless the host is this machine. */
    require_tls: z.boolean().nullish(),
    /** False accepts a certificate that no authority has signed. */
    tls_reject_unauthorized: z.boolean().nullish(),
  })
  .transform(({ host, port, secure, require_tls, tls_reject_unauthorized }) => {
    const implicit = secure ?? port === 465
    return {
      host,
      port: port ?? (implicit ? 465 : 587),
      secure: implicit,
      requireTls: require_tls ?? !/^(localhost|127\.[\d.]+|::1)$/.test(host),
      rejectUnauthorized: tls_reject_unauthorized ?? true,
    }
  })
export type SmtpSettings = z.output<typeof smtpSettings>
