import { isIP } from 'node:net'
import { z } from 'zod'
import { parsePrivateHosts } from '../../adapters/shared/public-address.ts'
import { readCloudinaryUrl } from '../../adapters/storage/cloudinary-account.ts'
import { readDatabaseUrl } from '../../db/connection/address.ts'
import { InvalidInputError } from '../../db/errors.ts'
import { Failure } from './failure.ts'

const urlForm =
  'postgres://user:password@host:5432/database (special characters of the password percent-encoded, "@" as %40)'

/** A URL is never quoted in a message: it holds a password. */
const databaseUrl = z
  .string()
  .superRefine((text, context) => {
    const problem = problemOfUrl(text)
    if (problem) context.addIssue({ code: 'custom', message: `${problem}; give ${urlForm}` })
  })
  .optional()

function problemOfUrl(text: string): string | null {
  if (text.trim() === '') return 'is set but empty; unset it to use the embedded PostgreSQL'
  try {
    readDatabaseUrl(text)
    return null
  } catch (error) {
    return error instanceof InvalidInputError
      ? error.message.replace(/^The database URL (.*)\.$/, '$1')
      : 'cannot be read as a URL'
  }
}

const port = z
  .string()
  .default('8080')
  .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, {
    error: (issue) => `is ${quote(issue.input)}; give a port from 0 (any free one) to 65535`,
  })
  .transform(Number)

const hostName = z
  .string()
  .refine((text) => isIP(text) > 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text), {
    error: (issue) =>
      `is ${quote(issue.input)}; give an address or a name without port, as 127.0.0.1`,
  })

const clamdPort = z
  .string()
  .default('3310')
  .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535, {
    error: (issue) => `is ${quote(issue.input)}; give a port from 1 to 65535`,
  })
  .transform(Number)

const clamdSocket = z
  .string()
  .refine((text) => text.startsWith('/'), {
    error: (issue) =>
      `is ${quote(issue.input)}; give a path from the root, as /run/clamav/clamd.ctl`,
  })
  .optional()

const mediaHosts = z
  .string()
  .default('')
  .transform((text, context) => {
    try {
      return parsePrivateHosts(text)
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : String(error))
      return z.NEVER
    }
  })

function oneOf<const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) {
  return z
    .enum(values, {
      error: (issue) =>
        `is ${quote(issue.input)}; give ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    })
    .default(fallback)
}

const leaseMs = z
  .string()
  .default('30000')
  .refine((text) => /^\d{1,6}$/.test(text) && Number(text) >= 1_000 && Number(text) <= 600_000, {
    error: (issue) => `is ${quote(issue.input)}; give milliseconds from 1000 to 600000`,
  })
  .transform(Number)

/** AWS_S3_MAX_FILE_SIZE: the name is the WhatsApp message API's. */
const fileSize = z
  .string()
  .default('10485760')
  .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= 2_147_483_648, {
    error: (issue) => `is ${quote(issue.input)}; give bytes from 1 to 2147483648, as 10485760`,
  })
  .transform(Number)

const publicUrl = z
  .string()
  .optional()
  .transform((text, context) => {
    if (text === undefined) return null
    const url = URL.canParse(text) ? new URL(text) : null
    if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
      context.addIssue(`is ${quote(text)}; give an address such as https://example.org`)
      return z.NEVER
    }
    return url.href.replace(/\/+$/, '')
  })

const corsOrigins = z
  .string()
  .default('')
  .transform((text, context) => {
    const origins = text.split(',').flatMap((part) => part.trim() || [])
    const wrong = origins.find((origin) => origin !== '*' && !isOrigin(origin))
    if (wrong === undefined) return origins
    context.addIssue(
      `holds ${quote(wrong)}; give origins such as https://app.example.org, separated by commas, or *`,
    )
    return z.NEVER
  })

/** As browsers send it: scheme, host and port where it is not the usual one. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

/** Never quoted: it holds a secret. */
const cloudinaryUrl = z
  .string()
  .superRefine((text, context) => {
    try {
      readCloudinaryUrl(text)
    } catch (error) {
      // The variable is named by whoever reports this.
      const message = error instanceof Error ? error.message : String(error)
      context.addIssue({ code: 'custom', message: message.replace(/^CLOUDINARY_URL /, '') })
    }
  })
  .optional()

const bucket = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{1,254}$/, {
    error: (issue) => `is ${quote(issue.input)}; give a bucket's name, as pigeonpost-media`,
  })
  .optional()

const region = z
  .string()
  .default('us-east-1')
  .refine((text) => /^[A-Za-z0-9-]{1,64}$/.test(text), {
    error: (issue) => `is ${quote(issue.input)}; give a region's name, as eu-central-1`,
  })

/** Neither is quoted. */
const credential = z
  .string()
  .regex(/^[!-~]+$/, { error: 'holds a space or another character that no key has' })
  .optional()

type Variable = { schema: z.ZodType; help: string }

/** The environment: each variable once, as it is checked and as `--help` and the README tell it. */
export const variables = {
  DATABASE_URL: {
    schema: databaseUrl,
    help: 'the PostgreSQL (15 or newer) to use',
  },
  DATABASE_DIRECT_URL: {
    schema: databaseUrl,
    help: 'the same database past a pooler that shares sessions, for what needs its own: the worker, migrations, live events',
  },
  PORT: { schema: port, help: 'port of the HTTP server (8080); 0 takes any free one' },
  HOST: {
    schema: hostName.default('127.0.0.1'),
    help: 'address that the HTTP server listens on (127.0.0.1)',
  },
  PIGEONPOST_DATA: {
    schema: z.string().default('./.pigeonpost'),
    help: 'data folder: embedded database, env file, simulator (./.pigeonpost)',
  },
  PIGEONPOST_AUTH: {
    schema: oneOf(['keys', 'none'], 'keys'),
    help: 'keys (default): requests carry an API key; none: no check, on loopback only',
  },
  PIGEONPOST_PUBLIC_URL: {
    schema: publicUrl,
    help: 'where providers reach the HTTP server, as https://example.org; signatures and status callbacks need it',
  },
  PIGEONPOST_CORS_ORIGINS: {
    schema: corsOrigins,
    help: 'allowed CORS origins, separated by commas, as https://app.example.org; *: all (none)',
  },
  PIGEONPOST_LEASE_MS: {
    schema: leaseMs,
    help: 'ms until the lease of a dead worker expires (30000); requests to providers time out after 0.8 of it',
  },
  CLAMD_HOST: {
    schema: hostName.optional(),
    help: 'host of the clamd that scans files; without it and CLAMD_SOCKET files are not scanned',
  },
  CLAMD_PORT: { schema: clamdPort, help: "clamd's port at CLAMD_HOST (3310)" },
  CLAMD_SOCKET: {
    schema: clamdSocket,
    help: "clamd's unix socket, in place of CLAMD_HOST, as /run/clamav/clamd.ctl",
  },
  PIGEONPOST_MEDIA_HOSTS: {
    schema: mediaHosts,
    help: 'private hosts that files may be fetched from: host or host:port, separated by commas',
  },
  AWS_S3_MAX_FILE_SIZE: {
    schema: fileSize,
    help: 'maximum size of a file in bytes, in any storage (10485760)',
  },
  PIGEONPOST_STORAGE: {
    schema: z
      .enum(['folder', 's3', 'cloudinary'], {
        error: (issue) => `is ${quote(issue.input)}; give folder, s3 or cloudinary`,
      })
      .optional(),
    help: 'where files are stored: folder, s3 or cloudinary; unset: the one whose variables are set, else the data folder',
  },
  CLOUDINARY_URL: {
    schema: cloudinaryUrl,
    help: 'keeps files at Cloudinary: cloudinary://key:secret@cloud',
  },
  S3_BUCKET: { schema: bucket, help: 'keeps files in this bucket of an S3 server' },
  S3_ENDPOINT: {
    schema: publicUrl,
    help: "the S3 server, as http://127.0.0.1:9000; unset: Amazon's",
  },
  S3_PUBLIC_ENDPOINT: {
    schema: publicUrl,
    help: 'the S3 server as browsers and providers reach it, where that is another address',
  },
  S3_REGION: { schema: region, help: 'region of the bucket (us-east-1)' },
  S3_ACCESS_KEY_ID: {
    schema: credential,
    help: "the key's id; unset, with Amazon: as its own tools find one",
  },
  S3_SECRET_ACCESS_KEY: { schema: credential, help: "the key's secret" },
  LOG_LEVEL: {
    schema: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    help: 'fatal, error, warn, info (default), debug, trace or silent; debug shows stacks',
  },
} as const satisfies Record<string, Variable>

export type VariableName = keyof typeof variables
export type Environment = { [Name in VariableName]: z.output<(typeof variables)[Name]['schema']> }

/**
 * The named variables, checked, with their defaults. An empty one counts as unset, except
 * DATABASE_URL: there it is an error, since another database would be used in silence.
 * @throws {Failure} that names each wrong variable and what would be right, and quotes no password.
 */
export function readEnvironment<Name extends VariableName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv = process.env,
): Pick<Environment, Name> {
  const given = names.map((name) => [
    name,
    env[name] === '' && name !== 'DATABASE_URL' ? undefined : env[name],
  ])
  const shape = Object.fromEntries(names.map((name) => [name, variables[name].schema]))
  const result = z.object(shape).safeParse(Object.fromEntries(given))
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`)
    throw new Failure(problems.join('; '))
  }
  const config = result.data as Pick<Environment, Name> & Partial<Environment>
  if (config.PIGEONPOST_AUTH === 'none' && config.HOST && !isLoopback(config.HOST)) {
    throw new Failure(
      `PIGEONPOST_AUTH=none lets everyone in, so HOST has to be loopback (127.0.0.1, ::1 or localhost) and is ${quote(config.HOST)}; change HOST or use PIGEONPOST_AUTH=keys`,
    )
  }
  if (config.CLAMD_HOST && config.CLAMD_SOCKET) {
    throw new Failure('CLAMD_HOST and CLAMD_SOCKET are both set; unset the one that is not meant')
  }
  return config
}

export function isLoopback(address: string): boolean {
  if (isIP(address) === 4) return address.startsWith('127.')
  return address === 'localhost' || address === '::1'
}

/** `postgres://user:***@host/database`, for people and logs. */
export function withoutPassword(url: string): string {
  return url
    .replace(/^([^/?#]*\/\/[^/?#@:]*:)[^/?#@]*@/, '$1***@')
    .replace(/([?&]password=)[^&#]*/, '$1***')
}

function quote(input: unknown): string {
  return JSON.stringify(input)
}
