/**
 * The package `baileys`, an optional peer dependency (its libsignal is under the GPL): loaded when a bridge is started
 * and by nothing else.
 */

import type { BaileysLogger, BaileysSocket } from './socket.ts'
import { asObject } from '../values.ts'

export type SocketConfig = Record<string, unknown> & { auth: unknown; logger: BaileysLogger }
export type MakeSocket = (config: SocketConfig) => BaileysSocket | Promise<BaileysSocket>

export type Login = {
  state: unknown
  saveCreds: () => Promise<void>
}

export type Library = {
  makeSocket: MakeSocket
  loadLogin: (folder: string) => Promise<Login>
}

/** @throws where the package is not installed, or is none that we know (6.7 and 7.0 are). */
export async function loadBaileys(): Promise<Library> {
  // A variable, so that types are not looked for where the package is not installed.
  const name: string = 'baileys'
  let module: unknown
  try {
    module = await import(name)
  } catch (cause) {
    throw new Error('Channel baileys needs the package "baileys": npm install baileys', { cause })
  }
  const exported = asObject({ ...(module as object) }) ?? {}
  const make = exported['makeWASocket'] ?? exported['default']
  const load = exported['useMultiFileAuthState']
  if (typeof make !== 'function' || typeof load !== 'function') {
    throw new Error('The installed package "baileys" has no makeWASocket or useMultiFileAuthState.')
  }
  return { makeSocket: make as MakeSocket, loadLogin: load as Library['loadLogin'] }
}
