# docker build -t inferbridge .
# docker run -p 8585:8585 -v inferbridge:/data -e INFERBRIDGE_ENCRYPTION_KEY=… inferbridge
#
# The container listens on all its interfaces; with keys of your own in the configuration, set signup: closed.
FROM node:24-slim
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY packages ./packages
COPY examples ./examples
RUN npx --yes pnpm@12.21.0 install --frozen-lockfile --prod --filter @inferbridge/server... \
 && mkdir /data && chown node:node /data
ENV NODE_ENV=production INFERBRIDGE_HOST=0.0.0.0 INFERBRIDGE_DATA_DIR=/data
USER node
VOLUME /data
EXPOSE 8585
HEALTHCHECK --interval=15s CMD ["node", "-e", "fetch('http://127.0.0.1:8585/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/packages/server/src/cli.ts"]
CMD ["start"]
