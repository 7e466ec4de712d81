/** What to say of a file that could not be read. */
export function whyUnreadable(file: string, error: unknown): { readonly message: string; readonly mend: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return {
    message: `${file} cannot be read (${code})`,
    mend: 'Write the path of a file that the broker may read; it is relative to the file that names it.',
  }
}
