package nl.sluis.conformance;

import ca.uhn.fhir.jpa.config.dstu3.JpaDstu3Config;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.rest.server.RestfulServer;
import java.io.IOException;
import java.io.PrintStream;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * A HAPI FHIR JPA server on an in-memory H2 database, listening on loopback alone.
 *
 * <p>Standard output gets one line, {@code READY <base URL>}, once requests are answered.
 */
public final class HapiServer {
    public static void main(String[] arguments) {
        PrintStream ready = System.out;
        System.setOut(System.err);
        try {
            Settings settings = Settings.read();
            if (settings.endsWithStandardInput()) {
                endWithStandardInput();
            }
            ready.println("READY http://127.0.0.1:" + start(settings) + "/fhir");
            ready.flush();
        } catch (Throwable failure) {
            failure.printStackTrace();
            // Threads that were started already would keep the process alive.
            Runtime.getRuntime().halt(1);
        }
    }

    /** Returns the port that was bound. */
    private static int start(Settings settings) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(settings.port());
        server.addConnector(connector);
        // A taken port is found before half a minute of start is spent.
        connector.open();

        var context = new AnnotationConfigApplicationContext();
        context.registerBean(Settings.class, () -> settings);
        context.register(settings.r4() ? JpaR4Config.class : JpaDstu3Config.class, Wiring.class);
        context.refresh();

        ServletContextHandler root = new ServletContextHandler("/");
        root.addServlet(new ServletHolder(context.getBean(RestfulServer.class)), "/fhir/*");
        server.setHandler(root);
        server.start();
        return connector.getLocalPort();
    }

    /** Ends the process when the other end of standard input is closed, as it is when a test dies. */
    private static void endWithStandardInput() {
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException unreadable) {
                // Treated like the end of the stream.
            }
            Runtime.getRuntime().halt(0);
        }, "standard-input");
        watch.setDaemon(true);
        watch.start();
    }
}
