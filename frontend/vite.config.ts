import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The built files go where embed.go takes them from; public/ brings the placeholder back that the repository keeps there.
export default defineConfig({
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/ws': { target: 'ws://127.0.0.1:8080', ws: true } } },
})
