/** The one shape of every error, before it is sent. */
export type Problem = {
  status: number
  code: string
  message: string
  details: { field: string; message: string; hint?: string }[]
}

/** The body of every error, whatever went wrong. */
export function problemBody({
  code,
  message,
  details,
}: Problem): { success: false } & Omit<Problem, 'status'> {
  return { success: false, code, message, details }
}
