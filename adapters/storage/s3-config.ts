export type S3Config = {
  bucket: string
  region: string
  /** Null: Amazon's own for the region. */
  endpoint: string | null
  /** Where others than we reach the endpoint, for presigned URLs; null: by the same name. */
  publicEndpoint: string | null
  /** Null: as Amazon's tools find them (a role of the machine, a profile). */
  keys: { id: string; secret: string } | null
}
