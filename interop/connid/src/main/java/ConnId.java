import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import net.tirasa.connid.bundles.scim.common.SCIMConnectorConfiguration;
import net.tirasa.connid.bundles.scim.v2.SCIMv2Connector;
import org.identityconnectors.framework.common.objects.Attribute;
import org.identityconnectors.framework.common.objects.AttributeBuilder;
import org.identityconnectors.framework.common.objects.ConnectorObject;
import org.identityconnectors.framework.common.objects.ObjectClass;
import org.identityconnectors.framework.common.objects.OperationOptions;
import org.identityconnectors.framework.common.objects.OperationOptionsBuilder;
import org.identityconnectors.framework.common.objects.filter.Filter;
import org.identityconnectors.framework.common.objects.filter.FilterBuilder;

/** Apache Syncope's connector, the bundle of ConnId. Arguments: base URL, token, how it updates users (PUT or PATCH). */
public final class ConnId {
  private static final OperationOptions OPTIONS =
      new OperationOptionsBuilder().setAttributesToGet("userName", "name.familyName", "displayName", "active").build();

  private final SCIMv2Connector connector = new SCIMv2Connector();

  public static void main(String[] arguments) {
    var configuration = new SCIMConnectorConfiguration();
    configuration.setBaseAddress(arguments[0] + "/");
    configuration.setBearerToken(arguments[1]);
    configuration.setUpdateUserMethod(arguments[2]);
    configuration.setUpdateGroupMethod(arguments[2]);
    configuration.setAccept("application/scim+json");
    configuration.setContentType("application/scim+json");
    new ConnId(configuration).run();
    System.out.println("ConnId by " + arguments[2] + ": all as expected");
    System.exit(0); // its client leaves threads behind, for which Maven would wait
  }

  private ConnId(SCIMConnectorConfiguration configuration) {
    connector.init(configuration);
  }

  private void run() {
    connector.test();
    connector.schema();
    var user = connector.create(
        ObjectClass.ACCOUNT,
        attributes("__NAME__", "rossini", "userName", "rossini", "name.familyName", "Rossini", "active", true),
        OPTIONS);
    var name = FilterBuilder.equalTo(AttributeBuilder.build("userName", "rossini"));
    check(find(ObjectClass.ACCOUNT, name).size() == 1, "filter");
    var changed = attributes(
        "__NAME__", "rossini", "userName", "rossini", "name.familyName", "Verdi", "active", true);
    user = connector.update(ObjectClass.ACCOUNT, user, changed, OPTIONS);
    var byUid = FilterBuilder.equalTo(user);
    var found = find(ObjectClass.ACCOUNT, byUid);
    check(found.size() == 1, "read");
    check(String.valueOf(found.get(0).getAttributeByName("name.familyName")).contains("Verdi"), "update");

    var group = connector.create(ObjectClass.GROUP, attributes("__NAME__", "Opera", "displayName", "Opera"), OPTIONS);
    group = connector.update(ObjectClass.GROUP, group, attributes("__NAME__", "Choir", "displayName", "Choir"), OPTIONS);
    var groups = find(ObjectClass.GROUP, FilterBuilder.equalTo(group));
    check(groups.size() == 1 && groups.get(0).toString().contains("Choir"), "group");
    connector.delete(ObjectClass.GROUP, group, OPTIONS);
    connector.delete(ObjectClass.ACCOUNT, user, OPTIONS);
    check(find(ObjectClass.ACCOUNT, name).isEmpty(), "delete");
    connector.dispose();
  }

  private List<ConnectorObject> find(ObjectClass kind, Filter filter) {
    var found = new ArrayList<ConnectorObject>();
    connector.executeQuery(kind, filter, found::add, OPTIONS);
    return found;
  }

  private static Set<Attribute> attributes(Object... pairs) {
    var built = new java.util.HashSet<Attribute>();
    for (int at = 0; at < pairs.length; at += 2) {
      built.add(AttributeBuilder.build((String) pairs[at], Arrays.asList(pairs[at + 1])));
    }
    return built;
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
