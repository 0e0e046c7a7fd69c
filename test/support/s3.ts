import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import type { S3Config } from '../../adapters/storage/s3-config.ts'

const execute = promisify(execFile)

/** For `skip`: false, or which command is missing and what installs it. */
export const noS3: string | false = await missingCommand()

async function missingCommand(): Promise<string | false> {
  for (const command of ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph']) {
    const found = await execute('sh', ['-c', `command -v ${command}`]).catch(() => null)
    if (!found) {
      return `there is no ${command}: apt-get install radosgw ceph-mon ceph-osd ceph-common`
    }
  }
  return false
}

/** A real S3 server with an empty bucket, gone with the test or its process. See s3-server.sh. */
export async function startS3(
  t: Pick<Test, 'teardown'>,
): Promise<S3Config & { endpoint: string; keys: { id: string; secret: string } }> {
  const keys = { id: 'testaccesskey', secret: 'testsecretkey' }
  const ports = await freePorts(3)
  const child = spawn(
    'bash',
    [join(import.meta.dirname, 's3-server.sh'), ...ports.map(String), keys.id, keys.secret],
    { detached: true, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.stdin.end()
    await ended
  })
  await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(([code]) => {
      throw new Error(`the S3 server did not start (exit code ${code})`)
    }),
  ])
  const endpoint = `http://127.0.0.1:${ports[2]}`
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: keys.id, secretAccessKey: keys.secret },
  })
  await client.send(new CreateBucketCommand({ Bucket: 'pigeonpost' }))
  client.destroy()
  return { bucket: 'pigeonpost', region: 'us-east-1', endpoint, publicEndpoint: null, keys }
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as AddressInfo
      await new Promise((resolve) => server.close(resolve))
      return port
    }),
  )
}
